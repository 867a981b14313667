-- Every batch's amounts are the sums of its ledger entries, and a completed batch has nothing in flight
WITH entries AS (
    SELECT j.tenant, j.ref_id, coalesce(sum(t.amount) FILTER (WHERE t.kind = 'reserve'), 0) AS reserved,
           coalesce(sum(t.amount) FILTER (WHERE t.kind = 'settle'), 0) AS settled,
           coalesce(sum(t.amount) FILTER (WHERE t.kind = 'refund'), 0) AS refunded
    FROM journal j JOIN transfer t ON t.journal = j.id
    WHERE j.ref_type IN ('batch', 'batch_item') AND t.kind IN ('reserve', 'settle', 'refund')
    GROUP BY j.tenant, j.ref_id
)
SELECT b.tenant, b.id AS batch, b.public_id, b.state, b.reserved, b.settled, b.refunded, e.reserved AS reserved_by_rows,
       e.settled AS settled_by_rows, e.refunded AS refunded_by_rows
FROM batch b JOIN entries e ON e.tenant = b.tenant AND e.ref_id = b.public_id
WHERE (b.reserved, b.settled, b.refunded) <> (e.reserved, e.settled, e.refunded)
   OR (b.state = 'completed' AND e.reserved <> e.settled + e.refunded)
