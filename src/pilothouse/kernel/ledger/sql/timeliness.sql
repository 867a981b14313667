-- How long after its effect each journal was recorded: the number of journals, of late ones, and the longest delay.
SELECT count(*) AS entries,
       count(*) FILTER (WHERE j.recorded_at - j.effective_at > make_interval(secs => %(timely_s)s)) AS late,
       coalesce(max(extract(epoch FROM j.recorded_at - j.effective_at)), 0)::float AS longest_s
FROM journal j
WHERE j.tenant = %(tenant)s AND (%(ref)s::text IS NULL OR j.ref_id = %(ref)s)
  AND (%(start)s::timestamptz IS NULL OR j.effective_at >= %(start)s)
  AND (%(end)s::timestamptz IS NULL OR j.effective_at < %(end)s)
