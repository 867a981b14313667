-- Ends deliveries that are open for longer than any retry schedule: their endpoint is paused or its breaker never mends.
WITH old AS MATERIALIZED (
    SELECT id FROM delivery
    WHERE state IN ('queued', 'waiting')
      AND created_at <= (SELECT base.clock_now()) - make_interval(hours => %(life_hours)s)
    ORDER BY created_at LIMIT %(count)s FOR UPDATE SKIP LOCKED
)
UPDATE delivery d
SET state = 'dead', next_run_at = NULL, ended_at = (SELECT base.clock_now()),
    last_error = CASE WHEN d.last_error = '' THEN 'too_old' ELSE d.last_error END
FROM old WHERE d.id = old.id AND d.state IN ('queued', 'waiting')
RETURNING d.id, d.tenant, d.public_id, d.endpoint_id, d.message_id, d.attempt, d.state, d.last_status AS status,
          d.last_error AS error
