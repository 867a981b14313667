SELECT extract(epoch FROM statement_timestamp() - max(seen_at)) AS age_s FROM worker WHERE stopped_at IS NULL
