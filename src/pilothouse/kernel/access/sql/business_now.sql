SELECT base.clock_now() AS at
