-- The 95th percentile of the time that a call of the API took us, in seconds.
SELECT (percentile_cont(0.95) WITHIN GROUP (ORDER BY u.milliseconds) / 1000)::float AS value, count(*) AS sample,
       count(*) FILTER (WHERE u.milliseconds >= 1000) AS missed
FROM api_usage u
WHERE u.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM api_usage)
  AND u.at > (SELECT base.clock_now()) - make_interval(days => %(days)s)
