SELECT pg_advisory_xact_lock(hashtextextended('intent ' || %(intent)s, 0))::text AS held
