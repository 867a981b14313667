SELECT f.*, value::text AS json FROM (
    (SELECT DISTINCT ON (name) 'account' AS whose, name, value, reason, set_at, set_by FROM flag
     WHERE tenant = %(tenant)s ORDER BY name, id DESC)
    UNION ALL
    (SELECT DISTINCT ON (name) 'platform', name, value, reason, set_at, set_by FROM platform_flag p
     WHERE NOT EXISTS (SELECT FROM flag f WHERE f.tenant = %(tenant)s AND f.name = p.name) ORDER BY name, id DESC)
) f ORDER BY name LIMIT 100
