SELECT (SELECT base.clock_now()) AS now
