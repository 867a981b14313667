-- The registered endpoints of the tenant with the last thing that happened at each.
SELECT e.id, e.public_id, e.mode, e.url, e.description, e.state, e.reason, e.created_at, e.created_by, e.failures,
       e.closed_until > (SELECT base.machine_now()) AS held_back, e.closed_until, s.rotated_at, s.shown_at, s.created_at AS secret_at,
       (SELECT count(*) FROM (SELECT FROM delivery w WHERE w.endpoint_id = e.id AND w.state IN ('queued', 'waiting')
                              LIMIT 1000) open) AS waiting,
       CASE WHEN s.previous_until > (SELECT base.clock_now()) THEN s.previous_until END AS overlap_until,
       last.at AS last_at, last.status AS last_status, last.error AS last_error
FROM endpoint e
JOIN signing_secret s ON s.id = e.secret_id
LEFT JOIN LATERAL (
    SELECT a.at, a.status, a.error
    FROM delivery d JOIN delivery_attempt a ON a.delivery_id = d.id
    WHERE d.endpoint_id = e.id ORDER BY d.id DESC, a.number DESC LIMIT 1
) last ON true
WHERE e.kind = 'registered' AND e.state <> 'deleted'
ORDER BY e.id DESC
