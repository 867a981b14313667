-- Disputes that ended by what somebody did, of all that ended.
SELECT avg((p.state <> 'EXPIRED')::int)::float AS value, count(*) AS sample
FROM dispute p
WHERE p.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM dispute)
  AND p.ended_at > (SELECT base.clock_now()) - make_interval(days => %(days)s)
