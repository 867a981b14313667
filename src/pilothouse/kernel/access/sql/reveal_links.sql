SELECT public_id, name, kind, scopes, rate_limit_per_min, created_at, created_by, expires_at, sent_to, replaces
FROM reveal_link WHERE tenant = %(tenant)s AND consumed_at IS NULL AND expires_at > (SELECT base.clock_now())
ORDER BY id DESC LIMIT %(count)s
