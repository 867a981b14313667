-- The transfers of a market with both their accounts, a page at a time. What the machine's clock said is left out.
SELECT t.id, j.effective_at AS at, j.kind, j.ref_type, j.ref_id AS ref, j.description, j.actor,
       d.kind AS debit, d.ref AS debit_ref, c.kind AS credit, c.ref AS credit_ref, t.amount, d.unit
FROM transfer t JOIN journal j ON j.id = t.journal AND j.tenant = t.tenant
JOIN account d ON d.id = t.debit JOIN account c ON c.id = t.credit
WHERE t.tenant = %(tenant)s AND t.id > %(after)s ORDER BY t.id LIMIT %(count)s
