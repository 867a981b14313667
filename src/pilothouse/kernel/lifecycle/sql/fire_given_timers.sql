-- Marks due timers as fired, those that are armed still; the handlers act on them in the same transaction, so a crash
-- leaves them armed. What another worker fires at this instant is left to it.
WITH due AS MATERIALIZED (
    SELECT id FROM timer WHERE id = ANY(%(ids)s::bigint[]) AND state = 'armed' ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE timer t SET state = 'fired', ended_at = (SELECT base.clock_now())
FROM due WHERE t.id = due.id
RETURNING t.id, t.tenant, t.subject_kind, t.subject_id, t.name, t.due_at
