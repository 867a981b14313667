-- One message for each row and one delivery for each endpoint that it is due at: the given one, the one of the given
-- address, or else all registered endpoints of its mode that are not switched off. A message that its subject already told is left
-- alone, so a repeat makes nothing.
WITH n AS (
    SELECT *
    FROM unnest(%(public_ids)s::text[], %(tenants)s::bigint[], %(types)s::text[], %(subject_kinds)s::text[],
                %(subject_ids)s::bigint[], %(bodies)s::bytea[], %(urls)s::text[], %(endpoints)s::bigint[],
                %(references)s::text[], %(modes)s::text[])
         WITH ORDINALITY AS u (public_id, tenant, type, subject_kind, subject_id, body, url, endpoint, reference, mode,
                            position)
), made AS (
    INSERT INTO message (public_id, tenant, type, subject_kind, subject_id, reference, body, body_sha256, created_at)
    SELECT n.public_id, n.tenant, n.type, n.subject_kind, n.subject_id, n.reference, n.body, encode(sha256(n.body), 'hex'),
           (SELECT base.clock_now())
    FROM n ORDER BY n.position
    ON CONFLICT DO NOTHING
    RETURNING id, public_id, tenant
), due AS (
    INSERT INTO delivery (public_id, tenant, message_id, endpoint_id, origin, state, attempt, token, next_run_at,
                          created_at, created_by, last_error)
    SELECT 'dlv_' || split_part(m.public_id, '_', 2) || row_number() OVER (PARTITION BY m.id ORDER BY e.id),
           m.tenant, m.id, e.id, %(origin)s, 'queued', 0, 0, (SELECT base.clock_now()), (SELECT base.clock_now()),
           %(actor)s, ''
    FROM made m
    JOIN n ON n.public_id = m.public_id
    JOIN endpoint e ON e.tenant = n.tenant AND CASE
        WHEN n.endpoint IS NOT NULL THEN e.id = n.endpoint
        WHEN n.url IS NOT NULL THEN e.kind = 'adhoc' AND e.url = n.url AND e.state IN ('active', 'paused')
        ELSE e.kind = 'registered' AND e.mode = n.mode AND e.state IN ('active', 'paused') END
    ORDER BY n.position, e.id
    RETURNING id, message_id
)
SELECT m.id, m.public_id, m.tenant, (SELECT count(*) FROM due WHERE due.message_id = m.id) AS deliveries
FROM made m ORDER BY m.public_id
