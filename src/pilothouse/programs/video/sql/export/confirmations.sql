SELECT c.id, c.public_id, b.public_id AS batch, microseconds(c.at) AS at, c.actor, c.role, c.fields, c.agrees,
       c.body_sha256, c.delivery
FROM confirmation c JOIN batch b ON b.id = c.batch AND b.created_at >= %(since)s
WHERE c.tenant = %(tenant)s ORDER BY c.id
