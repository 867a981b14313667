SELECT b.public_id, b.request_id, b.entry, b.mode, b.state, b.fingerprint, b.total, b.created_at, t.name AS tenant_name
FROM batch b JOIN tenant t ON t.id = b.tenant ORDER BY b.id DESC LIMIT %(count)s
