-- Promise 1, execution: every accepted item ends exactly once, each completed batch is told exactly once, nothing
-- stays open past its deadline, and one request_id is one batch.
WITH b AS (
    SELECT * FROM batch WHERE %(batches)s::bigint[] IS NULL OR id = ANY(%(batches)s::bigint[])
), i AS (
    SELECT i.* FROM item i WHERE %(batches)s::bigint[] IS NULL OR i.batch = ANY(%(batches)s::bigint[])
), told_items AS (
    SELECT e.subject_id AS batch, p.position::int AS position, e.type
    FROM event e CROSS JOIN LATERAL jsonb_array_elements_text(e.data -> 'items') AS p (position)
    WHERE e.subject_kind = 'batch_items' AND e.subject_id IN (SELECT id FROM b)
), ends AS (
    SELECT i.id, count(t.type) FILTER (WHERE t.type IN ('succeeded', 'refunded')) AS terminal,
           count(t.type) FILTER (WHERE t.type = 'failed') AS failed,
           count(t.type) FILTER (WHERE t.type = i.state) AS same
    FROM i LEFT JOIN told_items t ON t.batch = i.batch AND t.position = i.position
    GROUP BY i.id
), counts AS (
    SELECT i.batch, count(*) AS total,
           count(*) FILTER (WHERE i.state = 'pending') AS pending,
           count(*) FILTER (WHERE i.state = 'running') AS running,
           count(*) FILTER (WHERE i.state = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE i.state = 'refunded') AS failed
    FROM i GROUP BY i.batch
), finishes AS (
    SELECT e.subject_id AS batch, count(*) AS n FROM event e
    WHERE e.subject_kind = 'batch' AND e.type = 'finish' AND e.subject_id IN (SELECT id FROM b)
    GROUP BY e.subject_id
), told AS (
    SELECT b.id AS batch, count(*) AS n
    FROM b JOIN message m ON m.tenant = b.tenant AND m.subject_kind = 'batch' AND m.subject_id = b.id
                         AND m.type = 'batch.completed'
    GROUP BY b.id
)
SELECT b.tenant, b.public_id AS batch, i.public_id AS item, 'the batch is completed and this item is ' || i.state AS what
FROM b JOIN i ON i.batch = b.id
WHERE b.state = 'completed' AND i.state NOT IN ('succeeded', 'refunded')
UNION ALL
SELECT i.tenant, b.public_id, i.public_id,
       'the item is ' || i.state || ' and has ' || n.terminal || ' ends in its history, ' || n.failed || ' failures'
FROM i JOIN ends n ON n.id = i.id JOIN b ON b.id = i.batch
WHERE n.terminal <> CASE WHEN i.state IN ('succeeded', 'refunded') THEN 1 ELSE 0 END
   OR n.same <> n.terminal
   OR n.failed <> CASE WHEN i.state = 'refunded' THEN 1 ELSE 0 END
UNION ALL
SELECT b.tenant, b.public_id, NULL, 'its history ends item number ' || t.position || ', which it does not have'
FROM told_items t JOIN b ON b.id = t.batch
WHERE NOT EXISTS (SELECT FROM i WHERE i.batch = t.batch AND i.position = t.position)
UNION ALL
SELECT b.tenant, b.public_id, NULL,
       'the batch counts ' || concat_ws('/', b.total, b.pending_count, b.running_count, b.succeeded_count, b.failed_count)
       || ' and its items are '
       || concat_ws('/', coalesce(c.total, 0), c.pending, c.running, c.succeeded, c.failed)
FROM b LEFT JOIN counts c ON c.batch = b.id
WHERE (b.total, b.pending_count, b.running_count, b.succeeded_count, b.failed_count)
      IS DISTINCT FROM (c.total, c.pending, c.running, c.succeeded, c.failed)
UNION ALL
SELECT b.tenant, b.public_id, NULL, 'the batch is ' || b.state || ' and finished ' || coalesce(f.n, 0) || ' times'
FROM b LEFT JOIN finishes f ON f.batch = b.id
WHERE coalesce(f.n, 0) <> CASE WHEN b.state = 'completed' THEN 1 ELSE 0 END
UNION ALL
SELECT b.tenant, b.public_id, NULL, 'the batch is ' || b.state || ' and has ' || coalesce(t.n, 0) || ' messages batch.completed'
FROM b LEFT JOIN told t ON t.batch = b.id
WHERE coalesce(t.n, 0) <> CASE WHEN b.state = 'completed' AND b.kind = 'enterprise' THEN 1 ELSE 0 END
UNION ALL
SELECT b.tenant, b.public_id, NULL, 'the batch is open ten minutes after its deadline'
FROM b WHERE b.state <> 'completed' AND b.deadline_at < (SELECT base.clock_now()) - interval '10 minutes'
UNION ALL
SELECT b.tenant, b.public_id, NULL, 'its request_id has ' || count(*) || ' batches'
FROM b JOIN batch o ON o.tenant = b.tenant AND o.request_id = b.request_id
GROUP BY b.id, b.tenant, b.public_id HAVING count(*) > 1
