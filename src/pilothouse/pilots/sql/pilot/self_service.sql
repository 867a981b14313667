-- What was given within the window, and from when on `credits` more fit: the oldest grants leave it first.
WITH lately AS (
    SELECT g.id, g.at, g.credits, sum(g.credits) OVER (ORDER BY g.at, g.id) AS freed, sum(g.credits) OVER () AS given
    FROM self_service_grant g
    WHERE g.at > (SELECT base.clock_now()) - make_interval(hours => %(hours)s)
)
SELECT coalesce(max(given), 0)::bigint AS given,
       min(at) FILTER (WHERE given - freed + %(credits)s <= %(most)s) + make_interval(hours => %(hours)s) AS fits_at
FROM lately
