SELECT d.id, d.public_id, d.state, d.terms_hash, microseconds(d.created_at) AS created_at,
       microseconds(d.ended_at) AS ended_at
FROM deal d WHERE d.tenant = %(tenant)s AND d.template = %(template)s ORDER BY d.id
