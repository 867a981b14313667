-- Locks the invitation while it can be accepted, so that of two who accept it one finds nothing.
SELECT id, email, role FROM invitation
WHERE id = %(invitation)s AND token_hash = %(token_hash)s AND state = 'sent'
  AND expires_at > (SELECT base.clock_now())
FOR UPDATE
