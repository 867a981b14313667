-- machine time: errors are counted by the machine's hours.
-- Groups seen within the last `hours`, the most frequent of that time first, with the bars of their trend.
WITH span AS (
    SELECT date_trunc('hour', statement_timestamp(), 'UTC') + interval '1 hour' AS until,
           make_interval(hours => %(hours)s) AS length
), counted AS (
    SELECT h.group_id, sum(h.count) AS lately,
           jsonb_object_agg(h.bar, h.count) AS bars
    FROM (
        SELECT h.group_id, sum(h.count) AS count,
               floor(extract(epoch FROM h.hour - (s.until - s.length)) / extract(epoch FROM s.length) * %(bars)s)::int AS bar
        FROM error_hour h, span s WHERE h.hour >= s.until - s.length GROUP BY h.group_id, 3
    ) h GROUP BY h.group_id
)
SELECT g.id, g.kind, g.code, g.place, g.words, g.area, g.count, g.first_at, g.last_at, g.example, c.lately::bigint AS lately,
       c.bars
FROM error_group g JOIN counted c ON c.group_id = g.id
WHERE (%(kind)s = '' OR g.kind = %(kind)s)
  AND (%(search)s = '' OR g.code ILIKE '%%' || %(search)s || '%%' OR g.words ILIKE '%%' || %(search)s || '%%'
       OR g.place ILIKE '%%' || %(search)s || '%%' OR g.area = %(search)s OR g.example ->> 'subject' = %(search)s
       OR g.example ->> 'request_id' = %(search)s)
ORDER BY CASE g.kind WHEN 'server' THEN 0 WHEN 'browser' THEN 1 ELSE 2 END, c.lately DESC, g.id DESC
OFFSET %(skip)s LIMIT %(count)s
