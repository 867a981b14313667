SELECT b.id, b.public_id, b.request_id, b.state, b.total, b.succeeded_count AS succeeded, b.failed_count AS failed,
       b.reserved, b.settled, b.refunded, microseconds(b.created_at) AS created_at, b.fingerprint
FROM batch b
WHERE b.tenant = %(tenant)s AND b.mode = 'live' AND b.kind = 'enterprise' AND b.created_at >= %(since)s
ORDER BY b.id
