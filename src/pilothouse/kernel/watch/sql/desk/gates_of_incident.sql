SELECT g.id, g.public_id, g.program, g.mode, g.reason, g.closed_at, g.closed_by, g.opened_at, g.opened_by,
       t.name AS tenant_name, t.public_id AS tenant_id
FROM gate_hold h JOIN gate g ON g.id = h.gate LEFT JOIN tenant t ON t.id = g.tenant
WHERE h.incident = %(incident)s ORDER BY g.opened_at IS NOT NULL, g.id DESC
