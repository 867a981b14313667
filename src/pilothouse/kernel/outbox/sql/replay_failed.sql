-- New deliveries of what ended undelivered and was not sent again since, oldest first, to endpoints that are not
-- switched off: same event id, same bytes.
WITH failed AS (
    SELECT d.id, d.tenant, d.message_id, d.endpoint_id
    FROM delivery d JOIN endpoint e ON e.id = d.endpoint_id
    WHERE d.tenant = %(tenant)s AND d.state IN ('dead', 'disabled') AND e.state IN ('active', 'paused')
      AND (%(endpoint)s::text IS NULL OR e.public_id = %(endpoint)s)
      AND NOT EXISTS (SELECT FROM delivery n
                      WHERE n.message_id = d.message_id AND n.endpoint_id = d.endpoint_id AND n.id > d.id)
    ORDER BY d.id LIMIT %(count)s
)
INSERT INTO delivery (public_id, tenant, message_id, endpoint_id, origin, state, attempt, token, next_run_at, created_at,
                      created_by, last_error)
SELECT (%(new_ids)s::text[])[row_number() OVER (ORDER BY f.id)], f.tenant, f.message_id, f.endpoint_id, 'replay',
       'queued', 0, 0, (SELECT base.clock_now()), (SELECT base.clock_now()), %(actor)s, ''
FROM failed f ORDER BY f.id
RETURNING id, public_id
