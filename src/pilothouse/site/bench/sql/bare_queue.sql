-- The bare claim-and-complete loop: what PostgreSQL can do at all for one worker, with nothing of ours around it. One
-- table, one partial index, SKIP LOCKED, a lease and a fencing token; no tenants, no money, no timeline, no triggers.
-- name: schema
CREATE TABLE bare_item (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payload jsonb NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    token bigint NOT NULL DEFAULT 0,
    next_run_at timestamptz,
    lease_until timestamptz,
    finished_at timestamptz,
    result text
);
CREATE INDEX bare_item_due ON bare_item (next_run_at) WHERE state IN ('pending', 'running');
-- name: fill
INSERT INTO bare_item (payload, next_run_at)
SELECT jsonb_build_object('prompt', 'a mug on a table ' || n, 'aspect', '9:16', 'seconds', 4), statement_timestamp()
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
RETURNING i.id, i.token, i.payload
-- name: complete
UPDATE bare_item i SET state = 'succeeded', result = u.result, finished_at = statement_timestamp(), next_run_at = NULL,
                       lease_until = NULL
FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(results)s::text[]) AS u (id, token, result)
WHERE i.id = u.id AND i.token = u.token AND i.state = 'running'
