SELECT pg_try_advisory_xact_lock(hashtextextended(%(name)s, 7210504)) AS held
