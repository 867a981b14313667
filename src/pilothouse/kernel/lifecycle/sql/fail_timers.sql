UPDATE timer SET state = 'stuck', ended_at = (SELECT base.clock_now()), error = %(error)s
WHERE id = ANY(%(ids)s::bigint[]) AND state = 'armed'
