-- Takes a set of due timers and marks them fired; the handlers act on them in the same transaction, so a crash leaves
-- them armed.
WITH due AS MATERIALIZED (
    SELECT id FROM timer
    WHERE state = 'armed' AND due_at <= (SELECT base.clock_now())
    ORDER BY due_at LIMIT %(count)s FOR UPDATE SKIP LOCKED
)
UPDATE timer t SET state = 'fired', ended_at = (SELECT base.clock_now())
FROM due WHERE t.id = due.id
RETURNING t.id, t.tenant, t.subject_kind, t.subject_id, t.name, t.due_at
