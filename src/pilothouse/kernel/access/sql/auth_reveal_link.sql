SELECT * FROM auth_reveal_link(%(hash)s)
