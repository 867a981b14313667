-- The pilot's credits, each sum counted for itself from the ledger's transfers since the pilot began.
SELECT coalesce(sum(t.amount) FILTER (WHERE t.kind = 'grant'), 0)::bigint AS granted,
       coalesce(sum(t.amount) FILTER (WHERE t.kind = 'reserve'), 0)::bigint AS reserved,
       coalesce(sum(t.amount) FILTER (WHERE t.kind = 'settle'), 0)::bigint AS settled,
       coalesce(sum(t.amount) FILTER (WHERE t.kind = 'refund'), 0)::bigint AS refunded
FROM journal j JOIN transfer t ON t.journal = j.id AND t.tenant = j.tenant
WHERE j.tenant = %(tenant)s AND j.effective_at >= %(since)s AND t.kind IN ('grant', 'reserve', 'settle', 'refund')
  AND EXISTS (SELECT FROM account a WHERE a.id = t.debit AND a.unit = 'CREDIT')
