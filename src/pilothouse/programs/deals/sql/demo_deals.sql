-- The deals of a market as they stand, oldest first, with the dispute of each.
SELECT d.public_id AS deal, d.template, d.terms_version, d.unit, d.state, d.ended_by, d.first_price, d.price, d.funded,
       d.returned, d.in_escrow, d.to_seller, d.to_buyer, d.created_at, d.ended_at,
       p.public_id AS dispute, p.state AS dispute_state, p.ended_by AS dispute_ended_by, d.stage, p.granted,
       (SELECT json_agg(json_build_object('code', l.code, 'claimed', l.claimed, 'outcome', l.outcome,
                                          'granted', l.granted) ORDER BY l.position)
        FROM claim_line l WHERE l.dispute_id = p.id) AS lines
FROM deal d LEFT JOIN dispute p ON p.deal_id = d.id
WHERE d.tenant = %(tenant)s ORDER BY d.id
