INSERT INTO member (tenant, public_id, user_id, role, added_at, added_by)
VALUES (%(tenant)s, %(public_id)s, %(person)s, %(role)s, (SELECT base.clock_now()), %(actor)s)
ON CONFLICT (tenant, user_id) DO NOTHING RETURNING id
