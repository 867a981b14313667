INSERT INTO flag (tenant, name, value, reason, set_at, set_by)
VALUES (%(tenant)s, %(name)s, %(value)s::jsonb, %(reason)s, (SELECT base.clock_now()), %(actor)s)
RETURNING id
