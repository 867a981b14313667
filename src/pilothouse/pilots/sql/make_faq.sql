WITH entry AS (
    INSERT INTO faq_entry (program, question, answer, created_at, created_by)
    VALUES (%(program)s, %(question)s, %(answer)s, (SELECT base.clock_now()), %(actor)s)
    RETURNING id
)
UPDATE report SET faq_id = entry.id FROM entry WHERE report.id = %(report)s RETURNING entry.id
