-- A job that worked is done; one that failed is tried again after its wait, or given up when it has no wait left.
UPDATE job j SET
    state = u.state, result = u.result, error = u.error, lease_until = NULL,
    ended_at = CASE WHEN u.state = 'queued' THEN NULL ELSE (SELECT base.clock_now()) END,
    next_run_at = CASE WHEN u.state = 'queued' THEN (SELECT base.clock_now()) + make_interval(secs => u.wait_s) END
FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(states)s::text[], %(results)s::jsonb[], %(errors)s::text[],
            %(waits)s::double precision[]) AS u (id, token, state, result, error, wait_s)
WHERE j.id = u.id AND j.token = u.token AND j.state = 'queued'
