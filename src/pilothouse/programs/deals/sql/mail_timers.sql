-- What runs now on each deal or on its dispute, the nearest end first.
SELECT DISTINCT ON (d.id) d.id AS deal, t.name, t.due_at, t.armed_at
FROM deal d LEFT JOIN dispute p ON p.deal_id = d.id
JOIN timer t ON t.state = 'armed' AND (t.subject_kind, t.subject_id) IN (('deal', d.id), ('dispute', p.id))
WHERE d.id = ANY(%(deals)s::bigint[])
ORDER BY d.id, t.due_at
