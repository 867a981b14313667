-- machine time: the log of operators' looks is kept by it. The first look of the span at each page, by anybody.
SELECT DISTINCT ON (page) page, actor, at
FROM (
    SELECT split_part(a.what, ' ', 2) AS page, a.actor, a.at
    FROM ops_access a
    WHERE a.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM ops_access)
      AND a.at >= %(since)s AND a.at < %(until)s AND a.what LIKE 'GET /%%'
) a
ORDER BY page, at
