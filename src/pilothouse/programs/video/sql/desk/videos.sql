-- How long each finished video took upstream: from its first call to its fetch, by provider.
SELECT a.provider, extract(epoch FROM max(a.at) - min(a.at))::float + min(a.milliseconds) / 1000.0 AS took_s
FROM (SELECT * FROM item_attempt WHERE id > (SELECT coalesce(max(id), 0) - %(tail)s FROM item_attempt)) a
WHERE a.at > statement_timestamp() - make_interval(secs => %(window_s)s)
GROUP BY a.provider, a.item HAVING bool_or(a.outcome = 'fetched')
