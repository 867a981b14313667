SELECT i.*, t.name AS tenant_name, t.public_id AS tenant_id, (SELECT base.clock_now()) AS now
FROM incident i LEFT JOIN tenant t ON t.id = i.tenant WHERE i.public_id = %(public_id)s
