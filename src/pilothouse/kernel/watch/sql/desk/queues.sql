-- Counted over what is open, which is small, by partial indexes; what is dead, in a bounded tail.
SELECT 'jobs' AS queue, count(*) FILTER (WHERE state = 'queued' AND lease_until IS NULL) AS waiting,
       count(*) FILTER (WHERE state = 'queued' AND lease_until IS NOT NULL) AS running,
       extract(epoch FROM (SELECT base.clock_now()) - min(next_run_at) FILTER (WHERE state = 'queued'))::float AS late_s,
       coalesce(max(attempt) FILTER (WHERE state = 'queued'), 0) AS tries,
       count(*) FILTER (WHERE state = 'failed') AS dead
FROM job WHERE state IN ('failed', 'queued')
UNION ALL
SELECT 'webhooks', count(*) FILTER (WHERE state IN ('queued', 'waiting')), count(*) FILTER (WHERE state = 'sending'),
       extract(epoch FROM (SELECT base.clock_now()) - min(next_run_at) FILTER (WHERE state <> 'sending'))::float,
       coalesce(max(attempt), 0),
       (SELECT count(*) FROM delivery d WHERE d.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM delivery)
          AND d.state = 'dead')
FROM delivery WHERE state IN ('queued', 'waiting', 'sending')
UNION ALL
SELECT 'notices', count(*) FILTER (WHERE state IN ('queued', 'waiting')), count(*) FILTER (WHERE state = 'sending'),
       extract(epoch FROM (SELECT base.clock_now()) - min(next_run_at) FILTER (WHERE state <> 'sending'))::float,
       coalesce(max(attempt), 0),
       (SELECT count(*) FROM notice n WHERE n.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM notice)
          AND n.state = 'dead')
FROM notice WHERE state IN ('queued', 'waiting', 'sending')
UNION ALL
SELECT 'timers', count(*), 0, extract(epoch FROM (SELECT base.clock_now()) - min(due_at))::float, 0, 0
FROM timer WHERE state = 'armed' AND due_at < (SELECT base.clock_now()) + interval '1 hour'
