-- What each side filed for each line: the types of the buyer's, and whether the seller gave any.
SELECT l.id AS line,
       array_agg(DISTINCT e.type) FILTER (WHERE e.side = 'buyer') AS buyer_types,
       array_agg(DISTINCT e.type) FILTER (WHERE e.side = 'seller') AS seller_types
FROM claim_line l LEFT JOIN deal_evidence e ON e.line_id = l.id
WHERE l.dispute_id = ANY(%(disputes)s::bigint[])
GROUP BY l.id
