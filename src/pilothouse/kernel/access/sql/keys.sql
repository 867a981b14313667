SELECT public_id, name, kind, mode, prefix || '…' || last_four AS hint, scopes, rate_limit_per_min, is_active, state,
       created_at, created_by, last_used_at, revoked_at
FROM enterprise_api_keys WHERE tenant = %(tenant)s ORDER BY id DESC LIMIT %(count)s OFFSET %(skip)s
