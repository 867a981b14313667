SELECT kind, name, version, state, body, hash FROM terms WHERE kind = %(kind)s AND name = %(name)s AND state = 'published'
