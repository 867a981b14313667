UPDATE reveal_link SET expires_at = (SELECT base.clock_now())
WHERE tenant = %(tenant)s AND public_id = %(link)s AND consumed_at IS NULL AND expires_at > (SELECT base.clock_now())
RETURNING id
