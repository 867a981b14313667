-- All that the lines and criteria of one account's pilot are told from, in one row: its batches that began in the
-- pilot's time, what was delivered and confirmed of them, and its first calls.
WITH batches AS MATERIALIZED (
    SELECT b.* FROM batch b
    WHERE b.tenant = %(tenant)s AND b.mode = 'live' AND b.kind = 'enterprise' AND b.created_at >= %(since)s
), ended AS (
    SELECT b.id, b.public_id, b.reserved, b.settled, b.refunded, b.completed_at,
           coalesce(sum(t.amount) FILTER (WHERE t.kind = 'reserve'), 0) AS ledger_reserved,
           coalesce(sum(t.amount) FILTER (WHERE t.kind = 'settle'), 0) AS ledger_settled,
           coalesce(sum(t.amount) FILTER (WHERE t.kind = 'refund'), 0) AS ledger_refunded
    FROM batches b
    LEFT JOIN item i ON i.batch = b.id
    LEFT JOIN transfer t ON t.item = i.id AND t.tenant = b.tenant AND t.kind IN ('reserve', 'settle', 'refund')
    WHERE b.state = 'completed'
    GROUP BY b.id, b.public_id, b.reserved, b.settled, b.refunded, b.completed_at
), told AS (
    SELECT d.state, d.ended_at, d.endpoint_id, m.reference
    FROM batches b
    JOIN message m ON m.tenant = b.tenant AND m.reference = b.public_id AND m.type = 'batch.completed'
    JOIN delivery d ON d.message_id = m.id AND d.tenant = m.tenant AND d.origin <> 'test'
), said AS (
    SELECT DISTINCT ON (c.batch) c.batch, c.public_id, c.at, c.agrees, c.money_differs, c.role,
           c.delivery <> '' AS is_ours, b.public_id AS batch_id
    FROM confirmation c JOIN batches b ON b.id = c.batch
    WHERE c.tenant = %(tenant)s
    ORDER BY c.batch, c.id DESC
)
SELECT
    (SELECT min(u.at) FROM api_usage u WHERE u.tenant = %(tenant)s AND u.key IS NOT NULL AND u.at >= %(since)s) AS first_call_at,
    (SELECT count(*) FROM batches) AS batches,
    (SELECT min(created_at) FROM batches) AS first_batch_at,
    (SELECT public_id FROM batches ORDER BY id LIMIT 1) AS first_batch,
    (SELECT min(started_at) FROM batches WHERE succeeded_count + failed_count > 0) AS moved_at,
    (SELECT coalesce(sum(total), 0)::bigint FROM batches) AS items,
    (SELECT coalesce(sum(succeeded_count), 0)::bigint FROM batches) AS succeeded,
    (SELECT count(*) FROM ended) AS completed,
    (SELECT count(*) FROM ended WHERE %(until)s::timestamptz IS NULL OR completed_at <= %(until)s) AS completed_in_time,
    (SELECT min(completed_at) FROM ended) AS completed_at,
    (SELECT public_id FROM ended ORDER BY completed_at, id LIMIT 1) AS completed_batch,
    (SELECT count(*) FROM ended
     WHERE reserved = settled + refunded AND ledger_reserved = ledger_settled + ledger_refunded
       AND (reserved, settled, refunded) = (ledger_reserved, ledger_settled, ledger_refunded)) AS equal,
    (SELECT count(DISTINCT reference) FROM told) AS due,
    (SELECT count(*) FROM (SELECT reference FROM told GROUP BY reference HAVING bool_or(state = 'delivered')) d) AS delivered,
    (SELECT count(*) FROM (SELECT FROM told GROUP BY reference, endpoint_id) d) AS owed,
    (SELECT count(*) FROM (SELECT FROM told GROUP BY reference, endpoint_id HAVING bool_or(state = 'delivered')) d)
        AS acknowledged,
    (SELECT min(ended_at) FROM told WHERE state = 'delivered') AS delivered_at,
    (SELECT count(*) FROM told WHERE state IN ('queued', 'sending', 'waiting')) AS retrying,
    (SELECT count(*) FROM said WHERE agrees AND is_ours
       AND (%(until)s::timestamptz IS NULL OR at <= %(until)s)) AS confirmed,
    (SELECT min(at) FROM said WHERE agrees AND is_ours) AS confirmed_at,
    (SELECT count(*) FROM said WHERE NOT agrees) AS differs,
    (SELECT batch_id FROM said WHERE NOT agrees ORDER BY at DESC LIMIT 1) AS differs_batch,
    (SELECT max(at) FROM said WHERE NOT agrees) AS differs_at,
    (SELECT count(*) FROM said WHERE role = 'finance' AND money_differs) AS finance_differs,
    (SELECT count(*) FROM endpoint e WHERE e.tenant = %(tenant)s AND e.mode = 'live' AND e.url LIKE 'https://%%'
       AND e.state = 'active') AS endpoints,
    (SELECT min(e.created_at) FROM endpoint e WHERE e.tenant = %(tenant)s AND e.mode = 'live'
       AND e.url LIKE 'https://%%' AND e.state = 'active') AS endpoint_at
