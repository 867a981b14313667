SELECT r.public_id, r.kind, r.program, r.subject, r.page, r.words, r.sent_at, r.reply, r.replied_at, r.replied_by,
       r.incident, r.faq_id AS faq, n.name AS tenant_name, u.email AS sent_by
FROM report r
JOIN tenant n ON n.id = r.tenant
JOIN auth_user u ON u.id = r.sent_by_id
WHERE CASE %(state)s WHEN 'waiting' THEN r.replied_at IS NULL WHEN 'answered' THEN r.replied_at IS NOT NULL ELSE true END
  AND (%(kind)s = '' OR r.kind = %(kind)s)
  AND (%(search)s = '' OR r.public_id = %(search)s OR r.subject = %(search)s OR u.email = %(search)s
       OR r.words ILIKE '%%' || %(search)s || '%%' OR n.name ILIKE '%%' || %(search)s || '%%')
ORDER BY r.replied_at IS NOT NULL, CASE WHEN r.replied_at IS NULL AND r.kind IN ('safety', 'security') THEN 0 ELSE 1 END,
         CASE WHEN r.replied_at IS NULL THEN r.id END, r.id DESC
OFFSET %(skip)s LIMIT %(count)s
