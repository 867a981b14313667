SELECT name, last_run_at FROM schedule WHERE name IN ('watch_promises', 'watch_invariants', 'watch_stuck')
