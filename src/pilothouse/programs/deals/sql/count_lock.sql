SELECT pg_advisory_xact_lock(hashtextextended('deals of ' || %(tenant)s::text, 7210503))
