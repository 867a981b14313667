SELECT g.id, g.public_id, g.program, g.tenant, g.mode FROM gate_hold h JOIN gate g ON g.id = h.gate
WHERE h.incident = %(incident)s AND g.opened_at IS NULL ORDER BY g.id
