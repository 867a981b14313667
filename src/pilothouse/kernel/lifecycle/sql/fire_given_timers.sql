WITH due AS MATERIALIZED (
    SELECT id FROM timer WHERE id = ANY(%(ids)s::bigint[]) AND state = 'armed' ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE timer t SET state = 'fired', ended_at = (SELECT base.clock_now())
FROM due WHERE t.id = due.id
RETURNING t.id, t.tenant, t.subject_kind, t.subject_id, t.name, t.due_at
