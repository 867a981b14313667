UPDATE deal_mail SET done_at = (SELECT base.clock_now()), outcome = %(outcome)s, error = %(error)s
WHERE id = ANY(%(ids)s::bigint[]) AND done_at IS NULL
