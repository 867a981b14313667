-- Every incident, from its opening to the first thing that an operator did with it, against the time of the severity
-- with which it opened; one that was promoted before that has a P0's time from then on.
SELECT 'incident' AS kind, i.id, '' AS what, w.due_at, t.at AS done_at,
       coalesce(t.at, (SELECT base.clock_now())) > w.due_at AS late, false AS excused
FROM incident i
JOIN LATERAL (
    SELECT e.data ->> 'severity' AS severity FROM incident_event e WHERE e.incident = i.id AND e.type = 'open' LIMIT 1
) o ON true
LEFT JOIN LATERAL (
    SELECT min(e.at) AS at FROM incident_event e WHERE e.incident = i.id AND e.type IN ('acknowledge', 'dismiss')
) t ON true
LEFT JOIN LATERAL (
    SELECT min(e.at) AS at FROM incident_event e
    WHERE e.incident = i.id AND e.type = 'promote' AND (t.at IS NULL OR e.at <= t.at)
) p ON true
CROSS JOIN LATERAL (
    SELECT least(
        i.opened_at + make_interval(secs => (%(ack_s)s::jsonb ->> o.severity)::float),
        p.at + make_interval(secs => (%(ack_s)s::jsonb ->> 'P0')::float)
    ) AS due_at
) w
WHERE t.at IS NOT NULL OR w.due_at <= (SELECT base.clock_now())
