-- The tenant's newest setting, else the platform's; no row when neither was ever set.
SELECT value FROM (
    (SELECT 1 AS place, value FROM flag WHERE tenant = %(tenant)s AND name = %(name)s ORDER BY id DESC LIMIT 1)
    UNION ALL
    (SELECT 2, value FROM platform_flag WHERE name = %(name)s ORDER BY id DESC LIMIT 1)
) s ORDER BY place LIMIT 1
