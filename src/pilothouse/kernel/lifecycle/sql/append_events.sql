-- One event for each row of the given arrays; seq continues each subject's own count. The caller holds the subjects'
-- row locks, so two writers cannot draw the same number.
INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
SELECT n.tenant, n.kind, n.subject, coalesce(last.seq, 0) + n.step,
       (SELECT base.clock_now()), clock_timestamp(), n.actor, n.type, n.data, n.visibility, (SELECT base.tx())
FROM (
    SELECT u.*, row_number() OVER (PARTITION BY u.kind, u.subject ORDER BY u.position) AS step
    FROM unnest(%(tenants)s::bigint[], %(kinds)s::text[], %(subjects)s::bigint[], %(actors)s::text[],
                %(types)s::text[], %(data)s::jsonb[], %(visibilities)s::text[])
         WITH ORDINALITY AS u (tenant, kind, subject, actor, type, data, visibility, position)
) n
LEFT JOIN LATERAL (
    SELECT e.seq FROM event e WHERE e.subject_kind = n.kind AND e.subject_id = n.subject ORDER BY e.seq DESC LIMIT 1
) last ON true
ORDER BY n.position
RETURNING id
