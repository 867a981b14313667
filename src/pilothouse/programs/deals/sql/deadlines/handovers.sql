-- Every contested handover whose review has ended: one that its timer had to end was late.
SELECT t.subject_kind AS kind, t.subject_id AS id, '' AS what, t.due_at, t.ended_at AS done_at,
       t.state <> 'cancelled' OR t.ended_at > t.due_at AS late, false AS excused
FROM timer t
WHERE t.subject_kind = 'deal' AND t.name = 'handover_review' AND t.state IN ('cancelled', 'fired', 'stuck')
