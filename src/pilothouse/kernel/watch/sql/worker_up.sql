-- For how long a worker has been running without a break that anybody would notice; null when none runs.
SELECT extract(epoch FROM statement_timestamp() - min(started_at))::float AS up_s FROM worker
WHERE stopped_at IS NULL AND seen_at > statement_timestamp() - make_interval(secs => %(fresh_s)s)
