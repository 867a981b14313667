SELECT n.now, n.now + make_interval(secs => %(seconds)s) AS due_at FROM (SELECT base.clock_now() AS now) n
