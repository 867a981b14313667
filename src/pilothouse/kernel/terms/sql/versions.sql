SELECT kind, name, version, state, body, hash, note, created_at, created_by, published_at, published_by, retired_at
FROM terms WHERE kind = %(kind)s AND (%(name)s = '' OR name = %(name)s)
ORDER BY name, version DESC LIMIT %(count)s
