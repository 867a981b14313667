-- Calls of the API that were answered, well or with a refusal: a failure is ours only from 500 on.
SELECT avg((u.status < 500)::int)::float AS value, count(*) AS sample
FROM api_usage u
WHERE u.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM api_usage)
  AND u.at > (SELECT base.clock_now()) - make_interval(days => %(days)s)
