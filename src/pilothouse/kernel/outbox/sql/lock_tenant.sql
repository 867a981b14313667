SELECT pg_advisory_xact_lock(hashtextextended('webhook endpoints', %(tenant)s))
