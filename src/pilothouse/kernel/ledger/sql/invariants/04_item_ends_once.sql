-- Every item has one reservation and at most one end, of the same amount and back out of the same account
SELECT min(t.tenant) AS tenant, t.item, count(*) FILTER (WHERE t.kind = 'reserve') AS reserves,
       count(*) FILTER (WHERE t.kind IN ('settle', 'refund')) AS ends, min(t.amount) AS least, max(t.amount) AS most
FROM transfer t
WHERE t.item IS NOT NULL AND t.kind IN ('reserve', 'settle', 'refund')
GROUP BY t.item
HAVING count(*) FILTER (WHERE t.kind = 'reserve') <> 1
    OR count(*) FILTER (WHERE t.kind IN ('settle', 'refund')) > 1
    OR min(t.amount) <> max(t.amount)
    OR min(t.tenant) <> max(t.tenant)
    OR max(t.debit) FILTER (WHERE t.kind IN ('settle', 'refund')) <> max(t.credit) FILTER (WHERE t.kind = 'reserve')
    OR max(t.credit) FILTER (WHERE t.kind = 'refund') <> max(t.debit) FILTER (WHERE t.kind = 'reserve')
