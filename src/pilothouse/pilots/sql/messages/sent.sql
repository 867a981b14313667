SELECT m.public_id, m.text, m.audience, m.channel, m.recipients, m.subject, m.sent_at, m.sent_by, m.inputs_sha256,
       p.public_id AS pilot_id, p.company, t.name AS tenant_name
FROM pilot_message m JOIN pilot p ON p.id = m.pilot_id JOIN tenant t ON t.id = m.tenant
WHERE (%(pilot)s::bigint IS NULL OR m.pilot_id = %(pilot)s) AND (%(text)s = '' OR m.text = %(text)s)
  AND (%(audience)s = '' OR m.audience = %(audience)s)
  AND (%(search)s = '' OR p.company ILIKE '%%' || %(search)s || '%%' OR m.subject ILIKE '%%' || %(search)s || '%%'
       OR %(search)s IN (m.public_id, p.public_id, m.inputs_sha256, m.body_sha256))
ORDER BY m.id DESC LIMIT %(count)s OFFSET %(skip)s
