SELECT b.*, t.public_id AS tenant_id, t.name AS tenant_name,
       (SELECT array_agg(DISTINCT i.provider) FROM item i WHERE i.batch = b.id AND i.provider IS NOT NULL) AS providers
FROM batch b JOIN tenant t ON t.id = b.tenant WHERE b.public_id = %(public_id)s
