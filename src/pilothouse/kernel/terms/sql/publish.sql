UPDATE terms SET state = 'published', published_at = (SELECT base.clock_now()), published_by = %(actor)s
WHERE kind = %(kind)s AND name = %(name)s AND version = %(version)s AND state = 'draft'
RETURNING kind, name, version, state, body, hash
