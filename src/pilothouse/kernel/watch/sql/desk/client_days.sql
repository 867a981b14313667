-- machine time: what browsers told is counted by the machine's days.
SELECT c.place, c.name, sum(c.count)::bigint AS count, CASE WHEN c.kind = 'page' THEN sum(c.ms) / sum(c.count) END::bigint AS mean_ms,
       CASE WHEN c.kind = 'page' THEN sum(c.quick) / sum(c.count) END::float8 AS quick,
       CASE WHEN c.kind = 'page' THEN sum(c.slow) / sum(c.count) END::float8 AS slow
FROM client_day c
WHERE c.kind = %(kind)s AND c.day > (statement_timestamp() AT TIME ZONE 'UTC')::date - %(days)s
  AND (%(search)s = '' OR c.place ILIKE '%%' || %(search)s || '%%' OR c.name ILIKE '%%' || %(search)s || '%%')
GROUP BY c.kind, c.place, c.name ORDER BY 3 DESC, 1, 2 OFFSET %(skip)s LIMIT %(count)s
