-- Locks the link when it can still be opened, so that of two who open it one finds nothing.
SELECT id, name, kind, scopes, rate_limit_per_min, replaces, overlap_hours FROM reveal_link
WHERE id = %(link)s AND token_hash = %(token_hash)s AND consumed_at IS NULL AND expires_at > (SELECT base.clock_now())
FOR UPDATE
