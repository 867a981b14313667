SELECT t.public_id, t.name,
       EXISTS (SELECT FROM tenant o WHERE lower(o.name) = lower(t.name) AND o.id <> t.id) AS shared
FROM tenant t WHERE t.name ILIKE '%%' || %(search)s || '%%' OR t.public_id = %(search)s
ORDER BY lower(t.name), t.id LIMIT %(count)s
