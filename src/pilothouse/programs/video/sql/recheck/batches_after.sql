SELECT b.id, b.tenant, b.public_id, b.entry, b.terms_hash, b.fingerprint, b.versions, r.given
FROM batch b LEFT JOIN batch_request r ON r.batch = b.id
WHERE b.id > %(after)s AND (%(batches)s::bigint[] IS NULL OR b.id = ANY(%(batches)s::bigint[]))
ORDER BY b.id LIMIT %(count)s
