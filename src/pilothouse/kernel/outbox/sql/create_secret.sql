INSERT INTO signing_secret (tenant, is_default, sealed, previous, created_at, shown_at)
VALUES (%(tenant)s, %(is_default)s, %(sealed)s, '[]', (SELECT base.clock_now()),
        CASE WHEN %(shown)s THEN (SELECT base.clock_now()) END)
ON CONFLICT DO NOTHING
RETURNING id
