SELECT d.public_id, d.title, d.unit, d.price, d.in_escrow, d.contest_reason, d.contested_at, n.name AS tenant_name,
       t.due_at, t.armed_at, (SELECT base.clock_now()) AS now,
       (SELECT count(*) FROM deal_evidence e WHERE e.deal_id = d.id AND e.purpose = 'handover' AND e.side = 'buyer') AS buyer_files,
       (SELECT count(*) FROM deal_evidence e WHERE e.deal_id = d.id AND e.purpose = 'handover' AND e.side = 'seller') AS seller_files
FROM timer t
JOIN deal d ON d.id = t.subject_id
JOIN tenant n ON n.id = d.tenant
WHERE t.subject_kind = 'deal' AND t.name = 'handover_review' AND t.state = 'armed'
  AND (%(search)s = '' OR d.public_id = %(search)s OR d.title ILIKE '%%' || %(search)s || '%%'
       OR n.name ILIKE '%%' || %(search)s || '%%')
ORDER BY t.due_at, d.id OFFSET %(skip)s LIMIT %(count)s
