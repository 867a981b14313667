-- The page is chosen first, so that only its rows are looked into.
WITH picked AS (
    SELECT d.id, t.due_at, t.armed_at
    FROM deal d
    JOIN tenant n ON n.id = d.tenant
    JOIN timer t ON t.subject_kind = 'deal' AND t.subject_id = d.id AND t.name = 'handover_review' AND t.state = 'armed'
    WHERE d.state = 'FUNDED' AND d.contested_at IS NOT NULL
      AND (%(search)s = '' OR d.public_id = %(search)s OR d.title ILIKE '%%' || %(search)s || '%%'
           OR n.name ILIKE '%%' || %(search)s || '%%')
    ORDER BY t.due_at, d.id OFFSET %(skip)s LIMIT %(count)s
)
SELECT d.public_id, d.title, d.unit, d.price, d.in_escrow, d.contest_reason, d.contest_note, d.contested_at,
       n.name AS tenant_name, k.due_at, k.armed_at, (SELECT base.clock_now()) AS now,
       (SELECT count(*) FROM deal_evidence e WHERE e.deal_id = d.id AND e.purpose = 'handover' AND e.side = 'buyer') AS buyer_files,
       (SELECT count(*) FROM deal_evidence e WHERE e.deal_id = d.id AND e.purpose = 'handover' AND e.side = 'seller') AS seller_files
FROM picked k
JOIN deal d ON d.id = k.id
JOIN tenant n ON n.id = d.tenant
ORDER BY k.due_at, d.id
