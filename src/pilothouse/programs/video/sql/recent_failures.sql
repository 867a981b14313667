-- The newest batches with failed items and the first few of those, looking back over the newest batches only.
WITH recent AS (
    SELECT b.id, b.public_id, b.request_id, b.failed_count, b.total, b.cost, b.unit, b.mode
    FROM (SELECT * FROM batch WHERE tenant = %(tenant)s ORDER BY id DESC LIMIT %(look_back)s) b
    WHERE b.failed_count > 0 ORDER BY b.id DESC LIMIT %(batches)s
)
SELECT r.public_id AS batch, r.request_id, r.failed_count, r.total, r.cost, r.unit, r.mode,
       i.public_id AS item, i.position, i.failure_reason, i.finished_at, i.params ->> 'prompt' AS prompt
FROM recent r
CROSS JOIN LATERAL (
    SELECT * FROM item WHERE batch = r.id AND state = 'refunded' ORDER BY position LIMIT %(items)s
) i
ORDER BY r.id DESC, i.position
