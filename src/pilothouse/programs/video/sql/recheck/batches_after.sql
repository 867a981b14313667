SELECT id, tenant, public_id, entry, terms_hash, fingerprint, versions FROM batch
WHERE id > %(after)s AND (%(batches)s::bigint[] IS NULL OR id = ANY(%(batches)s::bigint[]))
ORDER BY id LIMIT %(count)s
