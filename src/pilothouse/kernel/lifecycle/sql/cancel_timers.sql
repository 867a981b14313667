UPDATE timer SET state = 'cancelled', ended_at = (SELECT base.clock_now())
WHERE subject_kind = %(kind)s AND subject_id = ANY(%(subjects)s::bigint[]) AND state = 'armed'
  AND (%(name)s::text IS NULL OR name = %(name)s)
