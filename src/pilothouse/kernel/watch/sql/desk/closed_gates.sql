SELECT g.id, g.public_id, g.program, g.mode, g.reason, g.closed_at, g.closed_by, t.name AS tenant_name,
       t.public_id AS tenant_id,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('public_id', i.public_id, 'kind', i.kind, 'severity', i.severity,
                                                     'state', i.state) ORDER BY i.id), '[]')
        FROM gate_hold h JOIN incident i ON i.id = h.incident
        WHERE h.gate = g.id AND i.state NOT IN ('false_alarm', 'resolved')) AS holders
FROM gate g LEFT JOIN tenant t ON t.id = g.tenant
WHERE g.opened_at IS NULL AND (%(tenant)s::bigint IS NULL OR g.tenant IS NULL OR g.tenant = %(tenant)s)
ORDER BY g.id LIMIT %(count)s
