-- machine time: when a failed step is tried again
SELECT p.id FROM processor_event p
WHERE p.handled_at IS NULL AND p.next_run_at <= statement_timestamp()
ORDER BY p.id LIMIT 1 FOR UPDATE SKIP LOCKED
