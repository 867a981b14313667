-- What a step left behind for items that go on: where the upstream job is, when to look again, and the lease given back.
UPDATE item i SET
    provider = u.provider, provider_ref = u.provider_ref, provider_error = u.error, attempt = u.attempt,
    waits = u.waits, progress = greatest(i.progress, u.progress), lease_until = NULL,
    next_run_at = least((SELECT base.clock_now()) + make_interval(secs => u.wait_s), i.timeout_at)
FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(providers)s::text[], %(refs)s::text[], %(errors)s::text[],
            %(attempts)s::smallint[], %(waits)s::int[], %(progress)s::smallint[], %(wait_s)s::double precision[])
     AS u (id, token, provider, provider_ref, error, attempt, waits, progress, wait_s)
WHERE i.id = u.id AND i.token = u.token AND i.state = 'running'
