-- Every video that was asked for, against the end of its time: of its own once it was sent upstream, of its batch before.
-- The worker may take a minute to see that it is over. What a closed gate keeps from being sent has its time again later.
SELECT 'item' AS kind, i.id, '' AS what, w.due_at, i.finished_at AS done_at,
       coalesce(i.finished_at, (SELECT base.clock_now())) > w.due_at + interval '60 seconds' AS late, false AS excused
FROM item i JOIN batch b ON b.id = i.batch
CROSS JOIN LATERAL (SELECT coalesce(i.timeout_at, b.deadline_at) AS due_at) w
WHERE i.finished_at IS NOT NULL
   OR (w.due_at <= (SELECT base.clock_now()) - interval '60 seconds'
       AND (i.provider_ref IS NOT NULL OR NOT EXISTS (
           SELECT FROM gates_over('video', 'no_dispatch', i.tenant) g WHERE g.opened_at IS NULL
       )))
