INSERT INTO endpoint (public_id, tenant, kind, mode, url, description, state, reason, secret_id, created_by, created_at,
                      failures, trips)
VALUES (%(public_id)s, %(tenant)s, %(kind)s, %(mode)s, %(url)s, %(description)s, 'active', '', %(secret)s, %(actor)s,
        (SELECT base.clock_now()), 0, 0)
ON CONFLICT DO NOTHING
RETURNING id
