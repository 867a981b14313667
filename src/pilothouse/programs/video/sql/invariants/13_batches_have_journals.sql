-- Every batch has one reservation and every reservation its batch; every item is reserved and every entry has its item
SELECT b.tenant, 'batch without one reservation' AS what, b.id
FROM batch b LEFT JOIN journal j ON j.tenant = b.tenant AND j.ref_id = b.public_id AND j.kind = 'reserve'
GROUP BY b.tenant, b.id HAVING count(j.id) <> 1
UNION ALL
SELECT j.tenant, 'journal without its batch', j.id
FROM journal j LEFT JOIN batch b ON b.tenant = j.tenant AND b.public_id = j.ref_id
WHERE j.ref_type IN ('batch', 'batch_item') AND b.id IS NULL
UNION ALL
SELECT i.tenant, 'item without its reservation', i.id
FROM item i LEFT JOIN transfer t ON t.item = i.id AND t.kind = 'reserve' AND t.tenant = i.tenant
WHERE t.id IS NULL
UNION ALL
SELECT t.tenant, 'entry without its item', t.id
FROM transfer t LEFT JOIN item i ON i.id = t.item AND i.tenant = t.tenant
WHERE t.item IS NOT NULL AND i.id IS NULL
UNION ALL
SELECT b.tenant, 'batch with another number of items', b.id
FROM batch b LEFT JOIN (SELECT i.batch, count(*) AS items FROM item i GROUP BY i.batch) n ON n.batch = b.id
WHERE coalesce(n.items, 0) <> b.total
