SELECT public_id, email, role, state, created_at, created_by, last_sent_at, sends, expires_at
FROM invitation WHERE tenant = %(tenant)s AND state = 'sent' ORDER BY id DESC LIMIT %(count)s
