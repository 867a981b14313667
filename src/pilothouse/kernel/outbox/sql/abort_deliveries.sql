-- Ends open deliveries of these endpoints, or these deliveries, without sending them. What is being sent ends by itself.
WITH open AS MATERIALIZED (
    SELECT id FROM delivery
    WHERE state IN ('queued', 'waiting')
      AND (endpoint_id = ANY(%(endpoints)s::bigint[]) OR id = ANY(%(deliveries)s::bigint[]))
    ORDER BY id FOR UPDATE
)
UPDATE delivery d
SET state = 'disabled', next_run_at = NULL, ended_at = (SELECT base.clock_now()), last_error = %(reason)s
FROM open WHERE d.id = open.id AND d.state IN ('queued', 'waiting')
RETURNING d.id, d.tenant, d.public_id, d.endpoint_id, d.message_id, d.attempt, d.state, d.last_status AS status,
          d.last_error AS error
