INSERT INTO check_run (name, program, at, batches, rows, sample, ms)
VALUES (%(name)s, %(program)s, (SELECT base.clock_now()), %(batches)s, %(rows)s, %(sample)s::jsonb, %(ms)s)
