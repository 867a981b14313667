SELECT id, public_id, name, timezone, settings, created_at FROM tenant WHERE public_id = %(public_id)s
