-- The blocks that an exported head names, as they stand now.
SELECT u.tenant, t.id, u.stream, u.n, u.hash, s.hash AS found
FROM unnest(%(tenants)s::text[], %(streams)s::text[], %(numbers)s::int[], %(hashes)s::text[])
     AS u (tenant, stream, n, hash)
LEFT JOIN tenant t ON t.public_id = u.tenant
LEFT JOIN seal s ON s.tenant = t.id AND s.stream = u.stream AND s.n = u.n
WHERE s.hash IS DISTINCT FROM u.hash AND (%(only)s::bigint IS NULL OR t.id = %(only)s OR t.id IS NULL)
ORDER BY u.tenant, u.stream
