SELECT a.number, a.at, a.ms, a.status, a.error, a.excerpt, a.body_sha256
FROM delivery_attempt a JOIN delivery d ON d.id = a.delivery_id
WHERE d.public_id = %(delivery)s
ORDER BY a.number
