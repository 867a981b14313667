-- True for exactly one worker in each period.
INSERT INTO schedule (name, last_run_at) VALUES (%(name)s, (SELECT base.clock_now()))
ON CONFLICT (name) DO UPDATE SET last_run_at = (SELECT base.clock_now())
WHERE schedule.last_run_at <= (SELECT base.clock_now()) - make_interval(secs => %(every_s)s)
RETURNING name
