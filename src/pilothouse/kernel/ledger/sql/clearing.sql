-- What is still held, by the work it is held for, oldest first, with its age in seconds: at rest there is no row.
SELECT j.ref_id AS ref, d.unit,
       sum(CASE WHEN c.kind = 'held' THEN x.amount ELSE 0 END
         - CASE WHEN d.kind = 'held' THEN x.amount ELSE 0 END)::bigint AS held,
       min(j.effective_at) AS since,
       extract(epoch FROM (SELECT base.clock_now()) - min(j.effective_at))::bigint AS age_s
FROM journal j JOIN transfer x ON x.journal = j.id
JOIN account d ON d.id = x.debit JOIN account c ON c.id = x.credit
WHERE j.tenant = %(tenant)s AND (%(ref)s::text IS NULL OR j.ref_id = %(ref)s)
  AND (%(end)s::timestamptz IS NULL OR j.effective_at < %(end)s)
  AND (d.kind = 'held' OR c.kind = 'held') AND (%(unit)s::text IS NULL OR d.unit = %(unit)s)
GROUP BY j.ref_id, d.unit
HAVING sum(CASE WHEN c.kind = 'held' THEN x.amount ELSE 0 END - CASE WHEN d.kind = 'held' THEN x.amount ELSE 0 END) <> 0
ORDER BY since, ref
