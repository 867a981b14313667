SELECT n.name AS tenant_name, n.public_id AS tenant_id, n.timezone, (SELECT base.clock_now()) AS now,
       b.email AS buyer_email, s.email AS seller_email,
       coalesce(nullif(trim(b.first_name || ' ' || b.last_name), ''), b.email) AS buyer_name,
       coalesce(nullif(trim(s.first_name || ' ' || s.last_name), ''), s.email) AS seller_name
FROM deal d
JOIN tenant n ON n.id = d.tenant
LEFT JOIN auth_user b ON b.id = d.buyer_id
LEFT JOIN auth_user s ON s.id = d.seller_id
WHERE d.id = %(deal)s
