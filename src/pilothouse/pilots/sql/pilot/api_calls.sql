-- A refusal (4xx) is an answer; a failed call is one that we could not answer.
SELECT count(*) AS calls, count(*) FILTER (WHERE status >= 500) AS failed
FROM api_usage WHERE tenant = %(tenant)s AND at >= %(since)s
