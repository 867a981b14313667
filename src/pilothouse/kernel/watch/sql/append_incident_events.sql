INSERT INTO incident_event (incident, at, recorded_at, actor, type, data)
SELECT u.incident, (SELECT base.clock_now()), clock_timestamp(), %(actor)s, %(type)s, u.data
FROM unnest(%(incidents)s::bigint[], %(data)s::jsonb[]) AS u (incident, data)
