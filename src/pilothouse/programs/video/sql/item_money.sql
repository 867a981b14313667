-- What the ledger moved for one item, in order. Each half is the condition of one of the two indexes by item: together
-- they are not, and every transfer would be read.
SELECT x.id, ledger_entry_id(t.public_id, j.idempotency_key) AS journal, x.kind, x.amount, j.effective_at, d.unit
FROM (
    SELECT * FROM transfer WHERE item = %(item)s AND kind = 'reserve'
    UNION ALL
    SELECT * FROM transfer WHERE item = %(item)s AND kind IN ('refund', 'settle')
) x JOIN journal j ON j.id = x.journal JOIN account d ON d.id = x.debit JOIN tenant t ON t.id = j.tenant
WHERE x.tenant = %(tenant)s ORDER BY x.id
