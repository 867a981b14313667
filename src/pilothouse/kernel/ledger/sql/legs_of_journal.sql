SELECT t.debit, t.credit, t.amount, t.kind, j.ref_id, j.idempotency_key AS key,
       ledger_entry_id(o.public_id, j.idempotency_key) AS entry
FROM transfer t JOIN journal j ON j.id = t.journal JOIN tenant o ON o.id = j.tenant
WHERE t.tenant = %(tenant)s AND t.journal = %(journal)s ORDER BY t.id
