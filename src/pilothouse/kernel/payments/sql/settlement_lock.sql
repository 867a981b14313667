SELECT pg_advisory_xact_lock(hashtextextended('processor ' || %(unit)s, %(tenant)s))::text AS held
