SELECT u.email, u.id AS person, array_agg(d.public_id ORDER BY d.id) AS subjects
FROM deal d JOIN auth_user u ON u.id IN (d.buyer_id, d.seller_id)
WHERE d.tenant = %(tenant)s AND d.ended_at IS NULL AND u.is_active AND u.email <> ''
GROUP BY u.id, u.email ORDER BY u.email
