UPDATE terms SET state = 'retired', retired_at = (SELECT base.clock_now())
WHERE kind = %(kind)s AND name = %(name)s AND state = 'published'
