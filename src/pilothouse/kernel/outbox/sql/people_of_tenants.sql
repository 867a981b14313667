-- Who hears of a tenant's technical trouble: its owners and engineers.
SELECT m.tenant, array_agg(u.email ORDER BY u.email) AS emails
FROM member m JOIN auth_user u ON u.id = m.user_id
WHERE m.tenant = ANY(%(tenants)s) AND m.role IN ('engineer', 'owner') AND u.is_active AND u.email <> ''
GROUP BY m.tenant
