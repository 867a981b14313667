INSERT INTO check_run (name, program, at, batches, rows, sample, ms)
SELECT u.name, u.program, (SELECT base.clock_now()), %(batches)s::int, u.rows, u.sample, u.ms
FROM unnest(%(names)s::text[], %(programs)s::text[], %(rows)s::bigint[], %(samples)s::jsonb[], %(ms)s::int[])
     WITH ORDINALITY AS u (name, program, rows, sample, ms, position)
ORDER BY u.position
