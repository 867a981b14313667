SELECT t.due_at, t.due_at < (SELECT base.clock_now()) AS is_over
FROM timer t WHERE t.subject_kind = 'deal' AND t.subject_id = %(deal)s AND t.name = %(name)s AND t.state = 'armed'
