SELECT t.kind, t.amount, d.kind AS debit, d.ref AS debit_ref, c.kind AS credit, c.ref AS credit_ref,
       j.effective_at, j.actor, j.idempotency_key
FROM transfer t
JOIN journal j ON j.tenant = t.tenant AND j.id = t.journal
JOIN account d ON d.id = t.debit
JOIN account c ON c.id = t.credit
WHERE t.tenant = %(tenant)s ORDER BY j.effective_at, j.idempotency_key, t.amount, d.kind, c.kind, d.ref, c.ref
