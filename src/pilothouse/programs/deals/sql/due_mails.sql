SELECT id FROM deal_mail WHERE done_at IS NULL AND due_at <= (SELECT base.clock_now()) ORDER BY due_at, id LIMIT %(count)s
