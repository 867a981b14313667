-- Events acknowledged within five minutes. An endpoint that does not answer is its owner's (requirement C21): a delivery
-- that we tried within five minutes and it refused, or whose endpoint is paused, gone or failing, counts for neither
-- side. What we did not even try in that time counts against us.
WITH due AS (
    SELECT d.id, d.created_at, d.created_at + interval '5 minutes' AS by_then, d.state, d.ended_at, d.endpoint_id
    FROM delivery d
    WHERE d.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM delivery) AND d.origin = 'event'
      AND d.created_at > (SELECT base.clock_now()) - make_interval(days => %(days)s)
), judged AS (
    SELECT d.state = 'delivered' AND d.ended_at <= d.by_then AS good
    FROM due d JOIN endpoint p ON p.id = d.endpoint_id
    WHERE (d.state = 'delivered' AND d.ended_at <= d.by_then)
       OR (d.by_then <= (SELECT base.clock_now()) AND p.state = 'active' AND p.failures = 0
           AND NOT EXISTS (SELECT FROM delivery_attempt a
                           WHERE a.delivery_id = d.id AND a.at <= d.by_then AND coalesce(a.status, 0) NOT BETWEEN 200 AND 299))
)
SELECT avg(good::int)::float AS value, count(*) AS sample FROM judged
