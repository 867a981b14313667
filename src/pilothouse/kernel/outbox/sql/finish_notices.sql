WITH r AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(states)s::text[], %(waits_s)s::float8[],
                         %(errors)s::text[]) AS u (id, token, to_state, wait_s, error)
), mine AS MATERIALIZED (
    SELECT n.id FROM notice n JOIN r ON r.id = n.id
    WHERE n.state = 'sending' AND n.token = r.token ORDER BY n.id FOR UPDATE OF n
)
UPDATE notice n
SET state = r.to_state, lease_until = NULL, last_error = r.error,
    next_run_at = CASE WHEN r.to_state = 'waiting'
                       THEN (SELECT base.clock_now()) + make_interval(secs => r.wait_s) END,
    ended_at = CASE WHEN r.to_state <> 'waiting' THEN (SELECT base.clock_now()) END
FROM mine JOIN r ON r.id = mine.id
WHERE n.id = mine.id AND n.state = 'sending'
RETURNING n.id, n.tenant, n.public_id, n.channel, n.state
