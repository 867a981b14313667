-- The journal of a grant or reversal that is known by its public id, of one tenant or of all. Those made by hand are few and
-- have an index of their own; what work moved is never looked for in this way.
SELECT j.id, j.tenant, t.public_id AS tenant_id
FROM journal j JOIN tenant t ON t.id = j.tenant
WHERE j.kind IN ('grant', 'reverse') AND (%(tenant)s::bigint IS NULL OR j.tenant = %(tenant)s)
  AND ledger_entry_id(t.public_id, j.idempotency_key) = %(entry)s
