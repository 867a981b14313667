SELECT e.at, e.actor, e.type, e.data FROM incident_event e JOIN incident i ON i.id = e.incident
WHERE i.public_id = %(public_id)s ORDER BY e.id
