SELECT id, tenant, subject_kind, subject_id, name, due_at FROM timer
WHERE state = 'armed' AND due_at <= (SELECT base.clock_now()) ORDER BY due_at LIMIT %(count)s
