SELECT kind, name, version, state, body, hash FROM terms WHERE kind = %(kind)s AND hash = %(hash)s ORDER BY version LIMIT 1
