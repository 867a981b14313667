UPDATE job j SET lease_until = (SELECT base.machine_now()) + make_interval(secs => %(lease_s)s)
FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[]) AS u (id, token)
WHERE j.id = u.id AND j.token = u.token AND j.state = 'queued'
