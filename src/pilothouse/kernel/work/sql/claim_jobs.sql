WITH due AS MATERIALIZED (
    SELECT id FROM job
    WHERE state = 'queued' AND next_run_at <= (SELECT base.clock_now())
      AND (lease_until IS NULL OR lease_until < (SELECT base.machine_now()))
    ORDER BY next_run_at LIMIT %(count)s FOR UPDATE SKIP LOCKED
)
UPDATE job j SET token = j.token + 1, attempt = j.attempt + 1,
       lease_until = (SELECT base.machine_now()) + make_interval(secs => %(lease_s)s)
FROM due WHERE j.id = due.id
RETURNING j.id, j.token, j.kind, j.payload, j.tenant, j.attempt
