-- The newest grants and reversals, found by the partial index on what was moved by hand.
SELECT j.kind, ledger_entry_id(t.public_id, j.idempotency_key) AS entry, j.effective_at AS at, j.ref_type, j.description,
       j.actor, x.amount, x.unit, EXISTS (SELECT FROM journal r WHERE r.reverses = j.id) AS reversed
FROM journal j JOIN tenant t ON t.id = j.tenant
CROSS JOIN LATERAL (
    SELECT sum(x.amount)::bigint AS amount, min(a.unit) AS unit
    FROM transfer x JOIN account a ON a.id = x.debit WHERE x.journal = j.id) x
WHERE j.tenant = %(tenant)s AND j.kind IN ('grant', 'reverse')
ORDER BY j.effective_at DESC, j.id DESC LIMIT %(count)s
