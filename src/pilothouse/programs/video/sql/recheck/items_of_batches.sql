SELECT batch, public_id, params, image_sha256, fingerprint FROM item
WHERE batch = ANY(%(batches)s::bigint[]) ORDER BY batch, position
