-- user_id decides the tenant; the triggers fill in the rest and tell the timeline.
INSERT INTO enterprise_api_keys
    (public_id, user_id, tenant, key_hash, name, kind, mode, prefix, last_four, scopes, rate_limit_per_min, is_active)
SELECT %(public_id)s, t.public_id, t.id, %(key_hash)s, %(name)s, %(kind)s, %(mode)s, %(prefix)s, %(last_four)s,
       %(scopes)s::text[], %(rate_limit_per_min)s, true
FROM tenant t WHERE t.id = %(tenant)s
RETURNING id
