SELECT count(*) AS calls, count(*) FILTER (WHERE status >= 500) AS failed,
       count(*) FILTER (WHERE status BETWEEN 400 AND 499) AS refused
FROM api_usage WHERE tenant = %(tenant)s AND id > (SELECT coalesce(max(id), 0) - 50000 FROM api_usage)
  AND at > (SELECT base.clock_now()) - interval '7 days'
