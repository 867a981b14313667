INSERT INTO upload (public_id, tenant, state, purpose, content_type, size_bytes, storage_key, created_by, created_at,
                    expires_at)
VALUES (%(public_id)s, %(tenant)s, 'awaited', %(purpose)s, %(content_type)s, %(size_bytes)s, %(storage_key)s,
        %(created_by)s, (SELECT base.clock_now()),
        (SELECT base.clock_now()) + make_interval(secs => %(life_s)s))
RETURNING id, public_id, expires_at
