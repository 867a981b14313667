-- The newest calls of each provider, oldest first: what a breaker that saw all of them would have seen.
SELECT s.provider, s.outcome, s.at, s.age_s FROM (
    SELECT a.provider, a.outcome, a.at, a.id, extract(epoch FROM statement_timestamp() - a.at)::float AS age_s,
           row_number() OVER (PARTITION BY a.provider ORDER BY a.id DESC) AS n
    FROM item_attempt a WHERE a.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM item_attempt)
) s WHERE s.n <= %(count)s ORDER BY s.provider, s.id
