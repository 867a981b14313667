SELECT u.at, u.actor, u.method, u.path, u.status, u.milliseconds, u.request_id, k.public_id AS key_id, k.name AS key_name
FROM api_usage u LEFT JOIN enterprise_api_keys k ON k.id = u.key AND k.tenant = u.tenant
WHERE u.tenant = %(tenant)s ORDER BY u.id DESC LIMIT %(count)s OFFSET %(skip)s
