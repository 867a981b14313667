SELECT * FROM auth_memberships(%(person)s)
