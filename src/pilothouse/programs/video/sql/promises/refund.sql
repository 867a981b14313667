-- Promise 3, refund: every failed item's credits return by themselves, in full, in the transaction that marks it
-- failed; nothing else is refunded.
WITH i AS (
    SELECT i.*, b.public_id AS batch_public_id, b.cost, b.held_account, b.wallet_account
    FROM item i JOIN batch b ON b.id = i.batch
    WHERE %(batches)s::bigint[] IS NULL OR i.batch = ANY(%(batches)s::bigint[])
), refunds AS (
    SELECT i.id, count(t.id) AS n, coalesce(sum(t.amount), 0) AS amount,
           count(t.id) FILTER (WHERE t.debit = i.held_account AND t.credit = i.wallet_account) AS right_accounts,
           min(j.tx) AS tx
    FROM i LEFT JOIN transfer t ON t.item = i.id AND t.kind = 'refund'
    LEFT JOIN journal j ON j.id = t.journal AND j.kind = 'refund'
    GROUP BY i.id
), reserved AS (
    SELECT i.id, coalesce(sum(t.amount), 0) AS amount
    FROM i JOIN transfer t ON t.item = i.id AND t.kind = 'reserve' GROUP BY i.id
), failures AS (
    SELECT i.id, min(e.tx) AS tx
    FROM event e CROSS JOIN LATERAL jsonb_array_elements_text(e.data -> 'items') AS p (position)
    JOIN i ON i.batch = e.subject_id AND i.position = p.position::int
    WHERE e.subject_kind = 'batch_items' AND e.type = 'failed'
      AND (%(batches)s::bigint[] IS NULL OR e.subject_id = ANY(%(batches)s::bigint[]))
    GROUP BY i.id
)
SELECT i.tenant, i.batch_public_id AS batch, i.public_id AS item,
       CASE
           WHEN i.state <> 'refunded' THEN 'the item is ' || i.state || ' and ' || r.amount || ' credits were returned'
           WHEN r.n <> 1 THEN 'the item failed and has ' || r.n || ' refunds'
           WHEN r.amount IS DISTINCT FROM v.amount THEN
               'the item failed and ' || r.amount || ' of ' || coalesce(v.amount, 0) || ' credits were returned'
           WHEN r.right_accounts <> 1 THEN 'the refund did not go from the hold to the wallet'
           ELSE 'the refund was not made in the transaction that marked the item failed'
       END AS what
FROM i JOIN refunds r ON r.id = i.id LEFT JOIN reserved v ON v.id = i.id LEFT JOIN failures f ON f.id = i.id
WHERE (i.state <> 'refunded' AND r.n > 0)
   OR (i.state = 'refunded' AND (r.n <> 1 OR r.right_accounts <> 1 OR r.amount IS DISTINCT FROM v.amount
                                 OR r.tx IS DISTINCT FROM f.tx))
