UPDATE delivery d
SET lease_until = (SELECT base.machine_now()) + make_interval(secs => %(lease_s)s)
FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[]) AS r (id, token)
WHERE d.id = r.id AND d.token = r.token AND d.state = 'sending'
