-- Requests to move credits by hand, newest first, with the people's names as operators are shown.
SELECT r.id, r.public_id, r.tenant, t.public_id AS tenant_id, t.name AS tenant_name, r.kind, r.unit, r.amount, r.source,
       r.description, r.key, r.reverses, r.state, r.asked_by, r.asked_at, r.expires_at, r.decided_by, r.decided_at,
       r.answer, a.email AS asked_by_email, d.email AS decided_by_email,
       (SELECT j.id FROM journal j WHERE j.tenant = r.tenant AND j.ref_id = r.public_id) AS journal,
       (SELECT ledger_entry_id(t.public_id, j.idempotency_key)
        FROM journal j WHERE j.tenant = r.tenant AND j.ref_id = r.public_id) AS entry,
       EXISTS (SELECT FROM journal j JOIN journal x ON x.reverses = j.id
               WHERE j.tenant = r.tenant AND j.ref_id = r.public_id) AS reversed
FROM grant_request r
JOIN tenant t ON t.id = r.tenant
JOIN auth_user a ON a.id = r.asked_by
LEFT JOIN auth_user d ON d.id = r.decided_by
WHERE (%(tenant)s::bigint IS NULL OR r.tenant = %(tenant)s)
  AND (%(state)s::text IS NULL OR r.state = %(state)s)
  AND (%(public_id)s::text IS NULL OR r.public_id = %(public_id)s)
  AND (%(key)s::text IS NULL OR r.key = %(key)s AND r.state IN ('approved', 'granted', 'requested'))
  AND (%(search)s = '' OR t.name ILIKE '%%' || %(search)s || '%%' OR r.description ILIKE '%%' || %(search)s || '%%'
       OR a.email ILIKE %(search)s || '%%' OR r.public_id = %(search)s OR t.public_id = %(search)s)
ORDER BY r.id DESC LIMIT %(count)s OFFSET %(skip)s
