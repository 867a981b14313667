-- What was granted in nobody's name within the window, and from when on `credits` more fit: the oldest leave it first.
WITH lately AS (
    SELECT u.at, sum(u.credits) OVER (ORDER BY u.at, u.id) AS freed, sum(u.credits) OVER () AS given
    FROM ledger_unsigned((SELECT base.clock_now()) - make_interval(hours => %(hours)s)) u
)
SELECT coalesce(max(given), 0)::bigint AS given,
       min(at) FILTER (WHERE given - freed + %(credits)s <= %(most)s) + make_interval(hours => %(hours)s) AS fits_at
FROM lately
