-- The bare claim-and-complete loop: what PostgreSQL can do at all for one worker. One table whose rows say as much about
-- the job as ours do, one partial index, SKIP LOCKED, a lease and a fencing token; no row-level security, no money, no
-- timeline, no triggers, no constraints, no parents.
-- name: schema
CREATE TABLE bare_item (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id text NOT NULL,
    position int NOT NULL,
    payload jsonb NOT NULL,
    metadata jsonb NOT NULL,
    fingerprint text NOT NULL,
    created_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    token bigint NOT NULL DEFAULT 0,
    next_run_at timestamptz,
    lease_until timestamptz,
    finished_at timestamptz,
    result text,
    media_sha256 text
);
CREATE INDEX bare_item_due ON bare_item (next_run_at) WHERE state IN ('pending', 'running');
-- name: fill
INSERT INTO bare_item (public_id, position, payload, metadata, fingerprint, created_at, next_run_at)
SELECT 'itm_' || substr(md5(n::text), 1, 26), n,
       jsonb_build_object('prompt', 'a mug on a table ' || n, 'aspect', '9:16', 'seconds', 4), '{}', repeat('0', 64),
       statement_timestamp(), statement_timestamp()
FROM generate_series(1, %(count)s) AS n
-- name: claim
UPDATE bare_item i SET state = 'running', token = i.token + 1, lease_until = statement_timestamp() + interval '30 s'
FROM (
    SELECT id FROM bare_item
    WHERE state IN ('pending', 'running') AND next_run_at <= statement_timestamp()
      AND (lease_until IS NULL OR lease_until < statement_timestamp())
    ORDER BY next_run_at LIMIT %(count)s FOR UPDATE SKIP LOCKED
) due
WHERE i.id = due.id
RETURNING i.id, i.token, i.payload, i.public_id
-- name: complete
UPDATE bare_item i SET state = 'succeeded', result = u.result, media_sha256 = u.hash, finished_at = statement_timestamp(), next_run_at = NULL,
                       lease_until = NULL
FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(results)s::text[], %(hashes)s::text[])
     AS u (id, token, result, hash)
WHERE i.id = u.id AND i.token = u.token AND i.state = 'running'
