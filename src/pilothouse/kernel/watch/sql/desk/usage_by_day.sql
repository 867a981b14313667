-- Machine time: the log of calls is stamped by the web processes.
SELECT (u.at AT TIME ZONE 'UTC')::date AS day, count(*) AS calls, count(*) FILTER (WHERE u.status >= 400) AS refused,
       count(*) FILTER (WHERE u.status >= 500) AS failed,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY u.milliseconds) AS p95_ms, max(u.at) AS last_at
FROM (SELECT * FROM api_usage WHERE tenant = %(tenant)s ORDER BY id DESC LIMIT 10000) u
GROUP BY 1 ORDER BY 1 DESC LIMIT 7
