DELETE FROM check_run WHERE rows = 0 AND at < (SELECT base.clock_now()) - make_interval(days => %(days)s)
