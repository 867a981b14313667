SELECT auth_take(%(what)s, %(who)s, %(per_min)s) AS retry_after_s
