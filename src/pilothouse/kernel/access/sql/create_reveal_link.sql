INSERT INTO reveal_link (tenant, public_id, token_hash, name, kind, scopes, rate_limit_per_min, created_at, created_by,
                         expires_at, sent_to, replaces, overlap_hours)
VALUES (%(tenant)s, %(public_id)s, %(token_hash)s, %(name)s, %(kind)s, %(scopes)s::text[], %(rate_limit_per_min)s,
        (SELECT base.clock_now()), %(actor)s, (SELECT base.clock_now()) + make_interval(hours => %(hours)s),
        %(sent_to)s, %(replaces)s, %(overlap_hours)s)
ON CONFLICT (token_hash) DO NOTHING
RETURNING id
