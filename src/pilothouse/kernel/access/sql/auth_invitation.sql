SELECT * FROM auth_invitation(%(hash)s)
