SELECT g.public_id, g.program, t.public_id AS tenant, g.mode, g.reason, g.closed_at, g.closed_by
FROM gate g LEFT JOIN tenant t ON t.id = g.tenant WHERE g.opened_at IS NULL ORDER BY g.id
