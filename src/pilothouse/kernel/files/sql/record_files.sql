-- The rows of a set of objects that are already in the storage; they become visible with the caller's transaction.
INSERT INTO file (public_id, tenant, state, kind, purpose, name, content_type, size_bytes, sha256, storage_key,
                  created_by, created_at, expires_at)
SELECT n.public_id, n.tenant, 'stored', n.kind, n.purpose, n.name, n.content_type, n.size_bytes, n.sha256,
       n.storage_key, n.created_by, (SELECT base.clock_now()),
       (SELECT base.clock_now()) + make_interval(secs => n.kept_s)
FROM unnest(%(public_ids)s::text[], %(tenants)s::bigint[], %(kinds)s::text[], %(purposes)s::text[], %(names)s::text[],
            %(content_types)s::text[], %(sizes)s::bigint[], %(sha256s)s::text[], %(storage_keys)s::text[],
            %(created_bys)s::text[], %(kept_s)s::float8[])
     WITH ORDINALITY
     AS n (public_id, tenant, kind, purpose, name, content_type, size_bytes, sha256, storage_key, created_by, kept_s,
           position)
ORDER BY n.position
RETURNING id, public_id, tenant, expires_at
