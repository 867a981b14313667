-- A page of disputes with the evidence each side filed. The page is chosen first, so that only its rows are looked into.
WITH picked AS (
    SELECT p.id, row_number() OVER (
        ORDER BY CASE WHEN p.state IN ('OPEN', 'RESPONDED') THEN 0 ELSE 1 END,
            CASE WHEN %(sort)s = 'newest' THEN p.opened_at END DESC,
            CASE WHEN %(sort)s = 'claimed' THEN (SELECT sum(c.claimed) FROM claim_line c WHERE c.dispute_id = p.id) END DESC,
            CASE WHEN p.state IN ('OPEN', 'RESPONDED') THEN p.due_at END, p.ended_at DESC, p.id) AS place
    FROM dispute p
    JOIN deal d ON d.id = p.deal_id
    JOIN tenant n ON n.id = p.tenant
    WHERE CASE %(state)s WHEN 'open' THEN p.state IN ('OPEN', 'RESPONDED')
                         WHEN 'ended' THEN p.state NOT IN ('OPEN', 'RESPONDED') ELSE true END
      AND (%(code)s = '' OR EXISTS (SELECT FROM claim_line c WHERE c.dispute_id = p.id AND c.code = %(code)s))
      AND (%(search)s = '' OR d.public_id = %(search)s OR p.public_id = %(search)s
           OR d.title ILIKE '%%' || %(search)s || '%%' OR n.name ILIKE '%%' || %(search)s || '%%')
      AND (%(evidence)s = '' OR (%(evidence)s = 'incomplete') = EXISTS (
          SELECT FROM claim_line c
          CROSS JOIN LATERAL jsonb_array_elements_text(
              (SELECT t.body -> 'requiredEvidence' -> c.code FROM terms t
               WHERE t.kind = 'deal_template' AND t.hash = d.terms_hash LIMIT 1)) AS wanted
          WHERE c.dispute_id = p.id AND NOT EXISTS (
              SELECT FROM deal_evidence e
              WHERE e.deal_id = d.id AND e.line_id = c.id AND e.side = 'buyer' AND e.type = wanted)))
    ORDER BY place OFFSET %(skip)s LIMIT %(count)s
)
SELECT p.public_id, p.state, p.opened_at, p.due_at, p.ended_at, p.ended_by, p.response, p.granted,
       d.public_id AS deal, d.title, d.unit, d.price, d.stage AS raised_in, n.name AS tenant_name, (SELECT base.clock_now()) AS now,
       l.codes, l.claimed, l.missing,
       (SELECT count(*) FROM deal_evidence e WHERE e.deal_id = d.id AND e.purpose = 'claim') AS buyer_files,
       (SELECT count(*) FROM deal_evidence e WHERE e.deal_id = d.id AND e.purpose = 'response') AS seller_files
FROM picked k
JOIN dispute p ON p.id = k.id
JOIN deal d ON d.id = p.deal_id
JOIN tenant n ON n.id = p.tenant
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT c.code) AS codes, sum(c.claimed)::bigint AS claimed,
           (SELECT array_agg(DISTINCT wanted ORDER BY wanted) FROM claim_line c2
            CROSS JOIN LATERAL jsonb_array_elements_text(
                (SELECT t.body -> 'requiredEvidence' -> c2.code FROM terms t
                 WHERE t.kind = 'deal_template' AND t.hash = d.terms_hash LIMIT 1)) AS wanted
            WHERE c2.dispute_id = p.id AND NOT EXISTS (
                SELECT FROM deal_evidence e
                WHERE e.deal_id = d.id AND e.line_id = c2.id AND e.side = 'buyer' AND e.type = wanted)) AS missing
    FROM claim_line c WHERE c.dispute_id = p.id
) l
ORDER BY k.place
