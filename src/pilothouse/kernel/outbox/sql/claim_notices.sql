WITH due AS MATERIALIZED (
    SELECT id FROM notice
    WHERE state IN ('queued', 'waiting') AND next_run_at <= (SELECT base.clock_now())
    ORDER BY next_run_at LIMIT %(count)s FOR UPDATE SKIP LOCKED
)
UPDATE notice n
SET state = 'sending', attempt = n.attempt + 1, token = n.token + 1, next_run_at = NULL,
    lease_until = (SELECT base.machine_now()) + make_interval(secs => %(lease_s)s)
FROM due WHERE n.id = due.id AND n.state IN ('queued', 'waiting')
RETURNING n.id, n.tenant, n.token, n.attempt, n.channel, n.address, n.subject, n.content
