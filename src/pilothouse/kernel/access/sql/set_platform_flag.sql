INSERT INTO platform_flag (name, value, reason, set_at, set_by)
VALUES (%(name)s, %(value)s::jsonb, %(reason)s, (SELECT base.clock_now()), %(actor)s)
RETURNING id
