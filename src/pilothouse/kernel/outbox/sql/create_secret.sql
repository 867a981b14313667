INSERT INTO signing_secret (tenant, is_default, sealed, previous, created_at)
VALUES (%(tenant)s, %(is_default)s, %(sealed)s, '', (SELECT base.clock_now()))
ON CONFLICT DO NOTHING
RETURNING id
