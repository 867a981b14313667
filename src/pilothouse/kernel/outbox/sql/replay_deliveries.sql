-- New deliveries of messages that were sent before: same event id, same bytes, same endpoint. Only of deliveries that
-- have ended, and to endpoints that are not switched off.
INSERT INTO delivery (public_id, tenant, message_id, endpoint_id, origin, state, attempt, token, next_run_at, created_at,
                      created_by, last_error)
SELECT n.new_id, d.tenant, d.message_id, d.endpoint_id, 'replay', 'queued', 0, 0, (SELECT base.clock_now()),
       (SELECT base.clock_now()), %(actor)s, ''
FROM unnest(%(public_ids)s::text[], %(new_ids)s::text[]) WITH ORDINALITY AS n (public_id, new_id, position)
JOIN delivery d ON d.public_id = n.public_id AND d.state IN ('dead', 'delivered', 'disabled')
JOIN endpoint e ON e.id = d.endpoint_id AND e.state IN ('active', 'paused')
ORDER BY n.position
RETURNING id, public_id, message_id
