UPDATE notice n
SET lease_until = (SELECT base.machine_now()) + make_interval(secs => %(lease_s)s)
FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[]) AS r (id, token)
WHERE n.id = r.id AND n.token = r.token AND n.state = 'sending'
