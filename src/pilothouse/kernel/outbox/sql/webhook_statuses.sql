-- For each subject, what became of its message: none due, pending, delivered (every due endpoint acknowledged) or failed
-- (at one endpoint nothing is under way any more and nothing was acknowledged).
SELECT s.id AS subject_id,
       CASE WHEN count(p.endpoint_id) = 0 THEN 'none'
            WHEN bool_or(p.failed) THEN 'failed'
            WHEN bool_and(p.acknowledged) THEN 'delivered'
            ELSE 'pending' END AS status,
       coalesce(sum(p.attempts), 0)::int AS attempts,
       min(m.public_id) AS message_id,
       max(p.acknowledged_at) AS acknowledged_at
FROM unnest(%(ids)s::bigint[]) AS s (id)
LEFT JOIN message m ON m.subject_id = s.id AND m.subject_kind = %(kind)s AND m.type = %(type)s AND m.type <> 'test'
LEFT JOIN LATERAL (
    SELECT d.endpoint_id, sum(d.attempt) AS attempts, bool_or(d.state = 'delivered') AS acknowledged,
           NOT bool_or(d.state IN ('delivered', 'queued', 'sending', 'waiting')) AS failed,
           min(d.ended_at) FILTER (WHERE d.state = 'delivered') AS acknowledged_at
    FROM delivery d WHERE d.message_id = m.id GROUP BY d.endpoint_id
) p ON true
GROUP BY s.id
