SELECT t.name, t.due_at, t.armed_at FROM timer t
WHERE t.state = 'armed' AND (t.subject_kind, t.subject_id) IN (
    ('deal', %(deal)s), ('dispute', (SELECT p.id FROM dispute p WHERE p.deal_id = %(deal)s)))
ORDER BY t.due_at LIMIT 1
