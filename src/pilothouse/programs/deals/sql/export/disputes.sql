SELECT p.id, p.public_id, p.deal_id AS deal, p.state, p.decided_by <> '' AS is_decided
FROM dispute p JOIN deal d ON d.id = p.deal_id
WHERE p.tenant = %(tenant)s AND d.template = %(template)s ORDER BY p.id
