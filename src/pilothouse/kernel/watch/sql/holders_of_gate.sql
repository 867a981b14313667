SELECT i.id, i.public_id, i.kind, i.severity, i.state, i.check_name, i.tenant
FROM gate_hold h JOIN incident i ON i.id = h.incident
WHERE h.gate = %(gate)s ORDER BY i.id
