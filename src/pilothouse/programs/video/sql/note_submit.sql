-- Where an item is about to be sent, written before it is sent. The guard is the token, and the gate at this instant.
UPDATE item i SET provider = %(provider)s, provider_ref = %(ref)s
WHERE i.id = %(id)s AND i.token = %(token)s AND i.state = 'running'
  AND NOT EXISTS (SELECT FROM gates_over('video', 'no_dispatch', i.tenant) g WHERE g.opened_at IS NULL)
