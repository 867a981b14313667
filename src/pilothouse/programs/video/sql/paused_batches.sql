-- The batches whose deadline has to wait: gates were closed over them for a time that does not count. `wait_s` is what
-- is still owed to them; behind a gate that is closed now, it is looked at again within a minute.
WITH paused AS (
    SELECT b.id, b.created_at, b.deadline_at, bool_or(g.opened_at IS NULL) AS closed_now,
           range_agg(tstzrange(greatest(g.closed_at, b.created_at), coalesce(g.opened_at, (SELECT base.clock_now()))))
               AS spans
    FROM batch b CROSS JOIN LATERAL gates_over('video', 'no_dispatch', b.tenant) g
    WHERE b.id = ANY(%(batches)s::bigint[])
      AND coalesce(g.opened_at, 'infinity') > b.created_at AND g.closed_at <= (SELECT base.clock_now())
    GROUP BY b.id
), owed AS (
    SELECT p.id, p.closed_now,
           extract(epoch FROM p.created_at + make_interval(secs => %(deadline_s)s)
               + (SELECT sum(upper(s) - lower(s)) FROM unnest(p.spans) AS s) - (SELECT base.clock_now()))::float AS wait_s
    FROM paused p
)
SELECT id, CASE WHEN closed_now THEN greatest(wait_s, %(again_s)s) ELSE wait_s END AS wait_s
FROM owed WHERE closed_now OR wait_s > 0
