SELECT deal_id AS deal, array_agg(DISTINCT type) AS types
FROM deal_evidence WHERE deal_id = ANY(%(deals)s::bigint[]) AND purpose = 'handover' AND side = 'seller'
GROUP BY deal_id
