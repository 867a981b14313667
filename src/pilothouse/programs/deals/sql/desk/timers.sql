-- Every timer that a deal or its dispute ever had, in the order of their arming.
SELECT t.subject_kind AS about, t.name, t.state, t.armed_at, t.due_at, t.ended_at
FROM timer t
WHERE (t.subject_kind, t.subject_id) IN (
    ('deal', %(deal)s), ('dispute', (SELECT p.id FROM dispute p WHERE p.deal_id = %(deal)s)))
ORDER BY t.id
