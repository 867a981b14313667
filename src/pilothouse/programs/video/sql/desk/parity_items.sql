SELECT i.position, i.public_id, i.state, i.params, i.image, i.image_sha256, i.fingerprint, i.provider, i.attempt,
       i.media_sha256, i.metadata
FROM item i WHERE i.batch = %(batch)s ORDER BY i.position LIMIT %(count)s
