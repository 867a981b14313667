SELECT * FROM auth_key(%(hash)s)
