SELECT i.public_id, i.kind, i.severity, i.title, i.program, i.opened_at, t.public_id AS tenant_id, t.name AS tenant_name
FROM incident i LEFT JOIN tenant t ON t.id = i.tenant
WHERE i.state IN ('investigating', 'mitigated', 'open', 'root_caused')
  AND i.kind IN ('rollback_proposed', 'security', 'data_integrity', 'user_safety')
ORDER BY i.severity, i.id DESC LIMIT 50
