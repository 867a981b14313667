-- Completeness both ways between a tenant's batches, items and ledger entries: one row for each that has no partner
WITH chosen AS (
    SELECT b.id, b.tenant, b.public_id, b.state FROM batch b
    WHERE b.tenant = %(tenant)s AND (%(ref)s::text IS NULL OR b.public_id = %(ref)s)
      AND (%(start)s::timestamptz IS NULL OR b.created_at >= %(start)s)
      AND (%(end)s::timestamptz IS NULL OR b.created_at < %(end)s)
)
SELECT c.public_id AS ref, 'batch without its reservation' AS what
FROM chosen c WHERE NOT EXISTS (
    SELECT FROM journal j WHERE j.tenant = c.tenant AND j.ref_id = c.public_id AND j.kind = 'reserve')
UNION ALL
SELECT j.ref_id, 'journal without its batch'
FROM journal j
WHERE j.tenant = %(tenant)s AND j.ref_type IN ('batch', 'batch_item')
  AND (%(ref)s::text IS NULL OR j.ref_id = %(ref)s)
  AND (%(start)s::timestamptz IS NULL OR j.effective_at >= %(start)s)
  AND (%(end)s::timestamptz IS NULL OR j.effective_at < %(end)s)
  AND NOT EXISTS (SELECT FROM batch b WHERE b.tenant = j.tenant AND b.public_id = j.ref_id)
UNION ALL
SELECT i.public_id, CASE WHEN i.state IN ('succeeded', 'refunded') THEN 'ended item without its entry'
                         ELSE 'open item with an entry of an end' END
FROM chosen c JOIN item i ON i.batch = c.id
LEFT JOIN transfer t ON t.item = i.id AND t.kind IN ('settle', 'refund')
WHERE t.kind IS DISTINCT FROM CASE i.state WHEN 'succeeded' THEN 'settle' WHEN 'refunded' THEN 'refund' END
UNION ALL
SELECT j.ref_id, 'entry without its item'
FROM chosen c JOIN journal j ON j.tenant = c.tenant AND j.ref_id = c.public_id
JOIN transfer t ON t.journal = j.id
WHERE NOT EXISTS (SELECT FROM item i WHERE i.id = t.item AND i.batch = c.id)
ORDER BY 1, 2
