SELECT id, username, email, first_name, last_name, last_login, is_active, made
FROM auth_person(%(email)s, %(first)s, %(last)s, %(hashed)s, %(verified)s, %(vouched)s)
