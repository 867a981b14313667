-- Takes incidents whose acknowledgement or news is overdue, and sets when to ask again: the same interval once more.
WITH due AS MATERIALIZED (
    SELECT i.id FROM incident i
    WHERE i.state IN ('investigating', 'mitigated', 'open', 'root_caused')
      AND coalesce(i.ack_due_at, i.update_due_at) <= (SELECT base.clock_now())
    ORDER BY coalesce(i.ack_due_at, i.update_due_at), i.id LIMIT %(count)s FOR UPDATE SKIP LOCKED
)
UPDATE incident i SET
    escalations = i.escalations + 1,
    ack_due_at = CASE WHEN i.ack_due_at IS NOT NULL
        THEN (SELECT base.clock_now()) + make_interval(secs => (%(ack_s)s::jsonb ->> i.severity)::float) END,
    update_due_at = CASE WHEN i.ack_due_at IS NULL
        THEN (SELECT base.clock_now()) + make_interval(secs => (%(update_s)s::jsonb ->> i.severity)::float) END
FROM due WHERE i.id = due.id
RETURNING i.id, i.public_id, i.kind, i.severity, i.state, i.program, i.tenant, i.subject, i.title, i.escalations,
          i.owner, CASE WHEN i.ack_due_at IS NULL THEN 'update' ELSE 'acknowledgement' END AS overdue
