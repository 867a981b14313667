-- Ends a set of attempts: states, attempt rows and the breakers of their endpoints.
--   1. Lock the deliveries that are still ours (same token, still sending) in id order; a late finisher has none.
--   2. Move them. One whose endpoint was switched off meanwhile does not wait for another attempt.
--   3. Write the attempts.
--   4. Per endpoint, in id order: any success mends it, failures in a row trip its breaker for a growing pause.
WITH r AS (
    SELECT *
    FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(states)s::text[], %(waits_s)s::float8[],
                %(holds_s)s::float8[], %(ats)s::timestamptz[], %(ms)s::int[], %(statuses)s::int[], %(errors)s::text[],
                %(excerpts)s::text[], %(body_sha256s)s::text[])
         AS u (id, token, to_state, wait_s, hold_s, at, ms, status, error, excerpt, body_sha256)
), mine AS MATERIALIZED (
    SELECT d.id
    FROM delivery d JOIN r ON r.id = d.id
    WHERE d.state = 'sending' AND d.token = r.token
    ORDER BY d.id FOR UPDATE OF d
), judged AS MATERIALIZED (
    SELECT r.*, CASE WHEN r.to_state = 'waiting' AND e.state IN ('disabled', 'deleted') THEN 'disabled'
                     ELSE r.to_state END AS new_state
    FROM mine
    JOIN r ON r.id = mine.id
    JOIN delivery d ON d.id = r.id
    JOIN endpoint e ON e.id = d.endpoint_id
), moved AS (
    UPDATE delivery d
    SET state = j.new_state, lease_until = NULL, last_status = j.status, last_error = j.error,
        next_run_at = CASE WHEN j.new_state = 'waiting'
                           THEN (SELECT base.clock_now()) + make_interval(secs => j.wait_s) END,
        ended_at = CASE WHEN j.new_state <> 'waiting' THEN (SELECT base.clock_now()) END
    FROM judged j
    WHERE d.id = j.id AND d.state = 'sending'
    RETURNING d.id, d.tenant, d.public_id, d.endpoint_id, d.message_id, d.attempt, d.state, j.status, j.error,
              j.hold_s, j.ms, j.at, j.excerpt, j.body_sha256
), logged AS (
    INSERT INTO delivery_attempt (tenant, delivery_id, number, at, ms, status, error, excerpt, body_sha256)
    SELECT m.tenant, m.id, m.attempt, m.at, m.ms, m.status, m.error, m.excerpt, m.body_sha256 FROM moved m
), health AS MATERIALIZED (
    SELECT m.endpoint_id, bool_or(m.state = 'delivered') AS ok, count(*) AS failed, max(m.hold_s) AS hold_s
    FROM moved m GROUP BY m.endpoint_id
), ordered AS MATERIALIZED (
    SELECT e.id, h.ok, h.hold_s, e.failures + h.failed AS failures,
           NOT h.ok AND e.failures + h.failed >= %(breaker_failures)s
               AND coalesce(e.closed_until <= (SELECT base.machine_now()), true) AS trips
    FROM endpoint e JOIN health h ON h.endpoint_id = e.id
    WHERE NOT h.ok OR e.failures > 0 OR e.closed_until IS NOT NULL
    ORDER BY e.id FOR NO KEY UPDATE OF e
), mended AS (
    UPDATE endpoint e
    SET failures = CASE WHEN o.ok THEN 0 ELSE least(o.failures, 1000000) END,
        trips = CASE WHEN o.ok THEN 0 ELSE least(e.trips + o.trips::int, 1000000) END,
        closed_until = CASE
            WHEN o.hold_s > 0 THEN (SELECT base.machine_now()) + make_interval(secs => o.hold_s)
            WHEN o.ok THEN NULL
            WHEN o.trips THEN (SELECT base.machine_now()) + make_interval(
                secs => (%(pauses_s)s::float8[])[least(e.trips + 1, cardinality(%(pauses_s)s::float8[]))])
            ELSE e.closed_until END
    FROM ordered o WHERE e.id = o.id
)
SELECT m.id, m.tenant, m.public_id, m.endpoint_id, m.message_id, m.attempt, m.state, m.status, m.error FROM moved m
ORDER BY m.id
