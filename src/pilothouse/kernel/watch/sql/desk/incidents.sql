SELECT i.id, i.public_id, i.kind, i.severity, i.state, i.program, i.subject, i.title, i.owner, i.check_name, i.opened_at,
       i.opened_by, i.seen_count, i.escalations, i.ack_due_at, i.update_due_at, i.ended_at, t.name AS tenant_name,
       t.public_id AS tenant_id,
       coalesce(i.ack_due_at, i.update_due_at) < (SELECT base.clock_now()) AS overdue
FROM incident i LEFT JOIN tenant t ON t.id = i.tenant
WHERE (%(state)s = '' OR (i.state IN ('investigating', 'mitigated', 'open', 'root_caused')) = (%(state)s = 'open'))
  AND (%(tenant)s::bigint IS NULL OR i.tenant = %(tenant)s)
  AND (%(check_name)s::text IS NULL OR i.check_name = %(check_name)s)
  AND (%(search)s = '' OR i.public_id = %(search)s OR i.kind = %(search)s OR i.title ILIKE '%%' || %(search)s || '%%'
       OR t.name ILIKE %(search)s || '%%')
ORDER BY (i.ended_at IS NOT NULL), CASE WHEN i.ended_at IS NULL THEN i.severity ELSE '' END, i.id DESC
LIMIT %(count)s OFFSET %(skip)s
