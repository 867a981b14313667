UPDATE grant_request SET state = 'expired', decided_at = (SELECT base.clock_now())
WHERE id = ANY(%(ids)s) AND state = 'requested'
