-- One notice for each row; one whose key was used before is left out.
INSERT INTO notice (public_id, tenant, channel, address, subject, content, state, attempt, token, next_run_at,
                    created_at, last_error, dedupe_key)
SELECT n.public_id, n.tenant, n.channel, n.address, n.subject, n.content, 'queued', 0, 0, (SELECT base.clock_now()),
       (SELECT base.clock_now()), '', n.dedupe_key
FROM unnest(%(public_ids)s::text[], %(tenants)s::bigint[], %(channels)s::text[], %(addresses)s::text[],
            %(subjects)s::text[], %(contents)s::text[], %(dedupe_keys)s::text[])
     WITH ORDINALITY AS n (public_id, tenant, channel, address, subject, content, dedupe_key, position)
ORDER BY n.position
ON CONFLICT DO NOTHING
RETURNING id, public_id
