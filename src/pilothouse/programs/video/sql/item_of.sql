SELECT i.id, i.tenant, i.public_id, i.position, i.state, i.params, i.image, i.image_sha256, i.metadata, i.fingerprint,
       i.progress, i.created_at, i.dispatched_at, i.finished_at, i.failure_reason, i.output, i.output_bytes,
       i.output_expires_at, i.media_sha256,
       i.output IS NOT NULL AND i.output_expires_at > (SELECT base.clock_now()) AS kept
FROM item i WHERE i.public_id = %(item)s AND i.batch = %(batch)s
