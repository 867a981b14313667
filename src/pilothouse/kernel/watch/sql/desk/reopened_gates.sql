SELECT g.public_id, g.program, g.mode, g.reason, g.closed_at, g.closed_by, g.opened_at, g.opened_by,
       t.name AS tenant_name, t.public_id AS tenant_id
FROM gate g LEFT JOIN tenant t ON t.id = g.tenant WHERE g.opened_at IS NOT NULL
ORDER BY g.opened_at DESC, g.id DESC LIMIT %(count)s OFFSET %(skip)s
