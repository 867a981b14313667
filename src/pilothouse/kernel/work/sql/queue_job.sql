INSERT INTO job (kind, unique_key, state, payload, tenant, next_run_at, created_at)
VALUES (%(kind)s, %(unique_key)s, 'queued', %(payload)s::jsonb, %(tenant)s,
        (SELECT base.clock_now()) + make_interval(secs => %(delay_s)s), (SELECT base.clock_now()))
ON CONFLICT (kind, unique_key) WHERE state = 'queued' AND unique_key IS NOT NULL DO NOTHING
