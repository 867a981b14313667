SELECT e.id, e.at, e.actor, e.type, e.subject_kind, e.data
FROM event e
WHERE e.visibility = 'customer' AND e.type <> 'evidence' AND (e.subject_kind, e.subject_id) IN (
    ('deal', %(deal)s), ('dispute', (SELECT p.id FROM dispute p WHERE p.deal_id = %(deal)s)))
ORDER BY e.id
