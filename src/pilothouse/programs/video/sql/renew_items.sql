UPDATE item i SET lease_until = (SELECT base.machine_now()) + make_interval(secs => %(lease_s)s)
FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[]) AS u (id, token)
WHERE i.id = u.id AND i.token = u.token AND i.state = 'running' AND i.lease_until IS NOT NULL
