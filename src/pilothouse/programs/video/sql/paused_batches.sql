SELECT b.id FROM batch b
WHERE b.id = ANY(%(batches)s::bigint[]) AND EXISTS (
    SELECT FROM gate g
    WHERE g.program = 'video' AND g.mode = 'no_dispatch' AND g.opened_at IS NULL
      AND (g.tenant IS NULL OR g.tenant = b.tenant)
)
