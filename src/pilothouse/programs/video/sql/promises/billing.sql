-- Promise 2, billing: credits are reserved before work at total x cost, only succeeded items settle, each once and at
-- the reserved price, nothing is below zero, and the sums of the transfers are what the batch and the webhook say.
-- Each side is summed from its own transfers; none is computed from the others.
WITH b AS (
    SELECT * FROM batch WHERE %(batches)s::bigint[] IS NULL OR id = ANY(%(batches)s::bigint[])
), i AS (
    SELECT i.* FROM item i WHERE %(batches)s::bigint[] IS NULL OR i.batch = ANY(%(batches)s::bigint[])
), t AS (
    -- Two halves, because each has its own unique index on the item.
    SELECT t.*, i.batch FROM i JOIN transfer t ON t.item = i.id AND t.kind = 'reserve'
    UNION ALL
    SELECT t.*, i.batch FROM i JOIN transfer t ON t.item = i.id AND t.kind IN ('refund', 'settle')
), m AS (
    SELECT t.item, t.batch, t.kind, t.amount, t.debit, t.credit, t.tenant, j.effective_at
    FROM t LEFT JOIN journal j ON j.id = t.journal AND j.kind = t.kind AND j.tenant = t.tenant
), rows AS (
    SELECT i.id, i.tenant, i.batch, i.public_id, i.state,
           count(*) FILTER (WHERE m.kind = 'reserve') AS reserves,
           count(*) FILTER (WHERE m.kind = 'settle') AS settles,
           count(*) FILTER (WHERE m.kind = 'reserve' AND m.amount = b.cost AND m.tenant = i.tenant
                              AND m.debit = b.wallet_account AND m.credit = b.held_account
                              AND m.effective_at <= coalesce(i.dispatched_at, m.effective_at)) AS right_reserves,
           count(*) FILTER (WHERE m.kind = 'settle' AND m.amount = b.cost AND m.tenant = i.tenant
                              AND m.debit = b.held_account AND m.credit = b.earned_account
                              AND m.effective_at IS NOT NULL) AS right_settles
    FROM i JOIN b ON b.id = i.batch LEFT JOIN m ON m.item = i.id
    GROUP BY i.id, i.tenant, i.batch, i.public_id, i.state
), sums AS (
    SELECT m.batch,
           coalesce(sum(m.amount) FILTER (WHERE m.kind = 'reserve'), 0) AS reserved,
           coalesce(sum(m.amount) FILTER (WHERE m.kind = 'settle'), 0) AS settled,
           coalesce(sum(m.amount) FILTER (WHERE m.kind = 'refund'), 0) AS refunded
    FROM m GROUP BY m.batch
), told AS (
    SELECT m.subject_id AS batch, json_or_null(m.body) -> 'ledger' AS ledger
    FROM b JOIN message m ON m.tenant = b.tenant AND m.subject_kind = 'batch' AND m.subject_id = b.id
                         AND m.type = 'batch.completed'
)
SELECT r.tenant, b.public_id AS batch, r.public_id AS item,
       'the item is ' || r.state || ' and has ' || r.reserves || ' reservations, ' || r.right_reserves
       || ' of them right, and ' || r.settles || ' settlements, ' || r.right_settles || ' of them right' AS what
FROM rows r JOIN b ON b.id = r.batch
WHERE (r.reserves, r.right_reserves) <> (1, 1)
   OR r.settles <> r.right_settles
   OR r.settles <> CASE WHEN r.state = 'succeeded' THEN 1 ELSE 0 END
UNION ALL
SELECT b.tenant, b.public_id, NULL,
       'the batch says reserved/settled/refunded ' || concat_ws('/', b.reserved, b.settled, b.refunded)
       || ', its transfers ' || concat_ws('/', coalesce(s.reserved, 0), s.settled, s.refunded)
       || ', total x cost is ' || b.total * b.cost
FROM b LEFT JOIN sums s ON s.batch = b.id
WHERE (b.reserved, b.settled, b.refunded) IS DISTINCT FROM (s.reserved, s.settled, s.refunded)
   OR b.reserved <> b.total * b.cost
   OR (b.state = 'completed' AND s.reserved <> s.settled + s.refunded)
UNION ALL
SELECT b.tenant, b.public_id, NULL,
       'the webhook says ' || coalesce(t.ledger::text, 'nothing') || ' and the transfers '
       || concat_ws('/', s.reserved, s.settled, s.refunded)
FROM told t JOIN b ON b.id = t.batch LEFT JOIN sums s ON s.batch = b.id
WHERE t.ledger IS DISTINCT FROM
      jsonb_build_object('reserved', s.reserved, 'settled', s.settled, 'refunded', s.refunded)
UNION ALL
SELECT b.tenant, b.public_id, NULL,
       'the price is ' || b.cost || ' and the pinned terms say ' || coalesce(t.body ->> 'cost_per_video', 'nothing')
FROM b LEFT JOIN LATERAL (
    SELECT t.body FROM terms t WHERE t.kind = 'video_price' AND t.hash = b.terms_hash ORDER BY t.version LIMIT 1
) t ON true
WHERE (t.body ->> 'cost_per_video')::bigint IS DISTINCT FROM b.cost
UNION ALL
SELECT b.tenant, b.public_id, NULL, 'a batch of mode ' || b.mode || ' in ' || b.unit || ' has for its ' || n.kind || ' account '
       || coalesce('the ' || a.kind || ' account in ' || a.unit, 'none of its tenant')
FROM b CROSS JOIN LATERAL (VALUES ('wallet', b.wallet_account), ('held', b.held_account),
                                  ('credits_earned', b.earned_account)) AS n (kind, id)
LEFT JOIN account a ON a.id = n.id AND a.tenant = b.tenant
WHERE (a.kind, a.unit) IS DISTINCT FROM (n.kind, b.unit) OR (b.mode = 'test') <> (b.unit = 'TEST')
UNION ALL
SELECT a.tenant, NULL, NULL, 'the account ' || a.kind || ' ' || a.unit || ' is at ' || a.credits - a.debits
FROM account a
WHERE a.floor IS NOT NULL AND a.credits - a.debits < a.floor
  AND (%(batches)s::bigint[] IS NULL OR a.id IN (SELECT wallet_account FROM b UNION SELECT held_account FROM b))
