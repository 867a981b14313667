SELECT CASE WHEN state = 'revoked' THEN 'revoked' WHEN is_active THEN 'active' ELSE 'paused' END AS state, count(*) AS count
FROM enterprise_api_keys WHERE tenant = %(tenant)s GROUP BY 1
