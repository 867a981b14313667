SELECT name, started_at, seen_at, extract(epoch FROM statement_timestamp() - seen_at)::float AS age_s
FROM worker WHERE stopped_at IS NULL ORDER BY seen_at DESC LIMIT 50
