-- Whether a P0 holds one of these gates closed.
SELECT i.public_id FROM gate g
JOIN gate_hold h ON h.gate = g.id
JOIN incident i ON i.id = h.incident AND i.severity = 'P0' AND i.state NOT IN ('resolved', 'false_alarm')
WHERE g.public_id = ANY(%(gates)s::text[]) LIMIT 1
