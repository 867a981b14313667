INSERT INTO grant_request (tenant, public_id, kind, unit, amount, source, description, key, reverses, state, asked_by,
                           asked_at, expires_at, answer)
VALUES (%(tenant)s, %(public_id)s, %(kind)s, %(unit)s, %(amount)s, %(source)s, %(description)s, %(key)s, %(reverses)s,
        %(state)s, %(operator)s, (SELECT base.clock_now()),
        CASE WHEN %(state)s = 'requested' THEN (SELECT base.clock_now()) + make_interval(secs => %(life_s)s) END, '')
RETURNING public_id
