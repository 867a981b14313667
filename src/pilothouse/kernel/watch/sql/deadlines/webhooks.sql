-- The first delivery of every event at every endpoint, against five minutes from the event. It is not our lateness when
-- the endpoint refused within that time what we sent there, this delivery or another, or when its owner ended it.
SELECT 'delivery' AS kind, d.id, '' AS what, d.created_at + interval '5 minutes' AS due_at,
       CASE WHEN d.state = 'delivered' THEN d.ended_at END AS done_at,
       d.state <> 'delivered' OR d.ended_at > d.created_at + interval '5 minutes' AS late,
       d.state = 'disabled' OR EXISTS (
           SELECT FROM delivery o JOIN delivery_attempt a ON a.delivery_id = o.id
           WHERE o.endpoint_id = d.endpoint_id AND a.at BETWEEN d.created_at AND d.created_at + interval '5 minutes'
             AND coalesce(a.status, 0) NOT BETWEEN 200 AND 299
       ) AS excused
FROM delivery d
WHERE d.origin = 'event'
  AND (d.state IN ('dead', 'delivered', 'disabled') OR d.created_at + interval '5 minutes' <= (SELECT base.clock_now()))
