INSERT INTO accepted_finding (check_name, key, incident, finding, reason, accepted_by, accepted_at)
SELECT %(check_name)s, u.key, %(incident)s, u.finding, %(reason)s, %(actor)s, (SELECT base.clock_now())
FROM unnest(%(keys)s::text[], %(findings)s::jsonb[]) AS u (key, finding)
ON CONFLICT (check_name, key) DO NOTHING
