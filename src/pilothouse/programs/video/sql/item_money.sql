-- What the ledger moved for one item, in order.
SELECT x.id, j.id AS journal, x.kind, x.amount, j.effective_at, d.unit
FROM transfer x JOIN journal j ON j.id = x.journal JOIN account d ON d.id = x.debit
WHERE x.item = %(item)s AND x.tenant = %(tenant)s ORDER BY x.id
