UPDATE reveal_link SET token_hash = %(token_hash)s
WHERE tenant = %(tenant)s AND public_id = %(link)s AND consumed_at IS NULL AND expires_at > (SELECT base.clock_now())
RETURNING id
