-- Every ended item has its one entry at its batch's price, and no open item has one
SELECT i.tenant, i.id AS item, i.public_id, i.state, t.kind AS entry, t.amount, b.cost
FROM item i JOIN batch b ON b.id = i.batch
LEFT JOIN transfer t ON t.item = i.id AND t.kind IN ('settle', 'refund')
WHERE t.kind IS DISTINCT FROM CASE i.state WHEN 'succeeded' THEN 'settle' WHEN 'refunded' THEN 'refund' END
   OR t.amount <> b.cost
