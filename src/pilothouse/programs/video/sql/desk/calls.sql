-- Ids follow time, so a tail of them is a window that stays cheap in a table of any size.
SELECT a.provider, count(*) AS calls, count(*) FILTER (WHERE a.step = 'submit') AS submits,
       count(*) FILTER (WHERE a.outcome IN ('broken', 'unknown')) AS broken,
       count(*) FILTER (WHERE a.outcome = 'busy') AS busy, count(*) FILTER (WHERE a.outcome = 'refused') AS refused,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY a.milliseconds)::float AS p50_ms,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY a.milliseconds)::float AS p95_ms,
       count(*) FILTER (WHERE a.reason IS NOT NULL) AS failed_items,
       count(*) FILTER (WHERE a.outcome = 'fetched') AS made_items
FROM (SELECT * FROM item_attempt WHERE id > (SELECT coalesce(max(id), 0) - %(tail)s FROM item_attempt)) a
WHERE a.at > statement_timestamp() - make_interval(secs => %(window_s)s)
GROUP BY a.provider ORDER BY a.provider
