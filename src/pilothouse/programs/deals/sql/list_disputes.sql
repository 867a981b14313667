SELECT p.id, p.public_id, p.state, p.opened_at, p.due_at, p.response, d.public_id AS deal, d.title, d.unit, d.price,
       d.stage, l.codes, l.claimed, l.buyer_files, l.seller_files,
       p.due_at - (SELECT base.clock_now()) AS left
FROM dispute p
JOIN deal d ON d.id = p.deal_id
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT c.code) AS codes, sum(c.claimed)::bigint AS claimed,
           (SELECT count(*) FROM deal_evidence e WHERE e.deal_id = d.id AND e.purpose = 'claim') AS buyer_files,
           (SELECT count(*) FROM deal_evidence e WHERE e.deal_id = d.id AND e.purpose = 'response') AS seller_files
    FROM claim_line c WHERE c.dispute_id = p.id
) l
WHERE p.state IN ('OPEN', 'RESPONDED')
  AND (%(state)s::text IS NULL OR p.state = %(state)s)
  AND (%(code)s::text IS NULL OR %(code)s = ANY(l.codes))
  AND (%(search)s::text IS NULL OR d.public_id = %(search)s OR p.public_id = %(search)s
       OR d.title ILIKE '%%' || %(search)s || '%%')
  AND (%(after)s::timestamptz IS NULL OR p.due_at > %(after)s)
ORDER BY p.due_at, p.id LIMIT %(count)s
