UPDATE batch b SET deadline_at = (SELECT base.clock_now()) + make_interval(secs => u.wait_s)
FROM unnest(%(batches)s::bigint[], %(waits)s::double precision[]) AS u (id, wait_s)
WHERE b.id = u.id AND b.state IN ('pending', 'running')
