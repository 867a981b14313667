SELECT tenant, stream, n, from_tx, to_tx, rows, first_id, last_id, previous, hash, microseconds(sealed_at) AS sealed_at
FROM seal WHERE tenant = %(tenant)s ORDER BY stream, n
