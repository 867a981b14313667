SELECT j.kind, j.ref_id, j.idempotency_key AS key, min(a.unit) AS unit, sum(t.amount)::bigint AS amount
FROM journal j JOIN transfer t ON t.journal = j.id JOIN account a ON a.id = t.debit
WHERE j.tenant = %(tenant)s AND j.id = %(journal)s GROUP BY j.id
