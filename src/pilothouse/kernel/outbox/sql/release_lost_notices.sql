-- Gives back notices whose sender died.
WITH lost AS MATERIALIZED (
    SELECT id FROM notice
    WHERE state = 'sending' AND lease_until <= (SELECT base.machine_now())
    ORDER BY lease_until LIMIT %(count)s FOR UPDATE SKIP LOCKED
)
UPDATE notice n
SET state = CASE WHEN n.attempt < %(attempts_max)s THEN 'waiting' ELSE 'dead' END,
    next_run_at = CASE WHEN n.attempt < %(attempts_max)s THEN (SELECT base.clock_now()) END,
    ended_at = CASE WHEN n.attempt < %(attempts_max)s THEN NULL ELSE (SELECT base.clock_now()) END,
    lease_until = NULL, last_error = 'sender_lost'
FROM lost WHERE n.id = lost.id AND n.state = 'sending'
RETURNING n.id
