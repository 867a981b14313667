-- Timers that fired within a minute of when they were due; one that is still armed a minute later, or that could not be
-- fired, is late.
SELECT avg((t.state = 'fired' AND t.ended_at <= t.due_at + interval '60 seconds')::int)::float AS value,
       count(*) AS sample
FROM timer t
WHERE t.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM timer)
  AND t.due_at > (SELECT base.clock_now()) - make_interval(days => %(days)s)
  AND (t.state IN ('fired', 'stuck')
       OR (t.state = 'armed' AND t.due_at <= (SELECT base.clock_now()) - interval '60 seconds'))
