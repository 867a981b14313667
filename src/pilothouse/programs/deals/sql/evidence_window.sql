SELECT d.due_at - make_interval(secs => %(before_s)s) < (SELECT base.clock_now()) AS is_over
FROM dispute d WHERE d.id = %(dispute)s
