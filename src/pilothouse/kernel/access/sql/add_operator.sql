INSERT INTO operator (user_id, role, added_at) VALUES (%(person)s, %(role)s, (SELECT base.clock_now()))
ON CONFLICT (user_id) DO UPDATE SET role = excluded.role
RETURNING id
