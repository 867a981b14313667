INSERT INTO incident_event (incident, at, recorded_at, actor, type, data)
VALUES (%(incident)s, (SELECT base.clock_now()), clock_timestamp(), %(actor)s, %(type)s, %(data)s::jsonb)
