SELECT d.id, d.public_id, d.state, d.attempt, d.last_status, d.last_error, d.created_at, d.ended_at, m.type,
       m.public_id AS message_id, e.url, e.state AS endpoint_state, t.name AS tenant_name, t.public_id AS tenant_id
FROM delivery d JOIN message m ON m.id = d.message_id JOIN endpoint e ON e.id = d.endpoint_id JOIN tenant t ON t.id = d.tenant
WHERE d.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM delivery) AND d.state = 'dead'
  AND NOT EXISTS (SELECT FROM delivery r WHERE r.message_id = d.message_id AND r.endpoint_id = d.endpoint_id AND r.id > d.id)
  AND (%(search)s = '' OR t.name ILIKE '%%' || %(search)s || '%%' OR e.url ILIKE '%%' || %(search)s || '%%'
       OR m.type = %(search)s OR m.public_id = %(search)s OR t.public_id = %(search)s)
ORDER BY d.id DESC LIMIT %(count)s OFFSET %(skip)s
