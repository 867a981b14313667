-- Contested handovers whose review did not have to end by its timer, of all reviews that ended.
SELECT avg((t.state = 'cancelled')::int)::float AS value, count(*) AS sample
FROM timer t
WHERE t.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM timer)
  AND t.subject_kind = 'deal' AND t.name = 'handover_review' AND t.state IN ('cancelled', 'fired')
  AND t.ended_at > (SELECT base.clock_now()) - make_interval(days => %(days)s)
