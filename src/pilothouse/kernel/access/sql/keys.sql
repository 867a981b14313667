-- A page of keys, newest first, each with its calls of the last 24 hours; counting stops at the limit.
SELECT k.id, k.public_id, k.name, k.kind, k.mode, k.prefix || '…' || k.last_four AS hint, k.scopes, k.rate_limit_per_min,
       k.is_active, k.state, k.created_at, k.created_by, k.last_used_at, k.revoked_at, k.ends_at,
       u.calls, u.errors
FROM (
    SELECT * FROM enterprise_api_keys WHERE tenant = %(tenant)s AND (%(key)s = '' OR public_id = %(key)s)
      AND (%(search)s = '' OR strpos(lower(name || ' ' || prefix || '…' || last_four || ' ' || public_id), lower(%(search)s)) > 0)
      AND (%(state)s = '' OR %(state)s = CASE WHEN state = 'revoked' THEN 'revoked' WHEN is_active THEN 'active' ELSE 'paused' END)
    ORDER BY id DESC LIMIT %(count)s OFFSET %(skip)s
) k
CROSS JOIN LATERAL (
    SELECT count(*) AS calls, count(*) FILTER (WHERE l.status >= 400) AS errors FROM (
        SELECT a.status FROM api_usage a
        WHERE a.key = k.id AND a.at > (SELECT base.clock_now()) - interval '24 hours'
        ORDER BY a.at DESC LIMIT %(counted)s
    ) l
) u
ORDER BY k.id DESC
