SELECT d.id, d.public_id, d.title, d.unit, d.price, d.contest_reason, d.contest_note, d.contested_at, t.due_at
FROM timer t JOIN deal d ON d.id = t.subject_id
WHERE t.subject_kind = 'deal' AND t.name = 'handover_review' AND t.state = 'armed'
ORDER BY t.due_at, d.id LIMIT %(count)s
