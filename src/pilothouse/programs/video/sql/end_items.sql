-- Ends a set of items with their money, their timeline and their batches' counters, in one statement. The guard is the
-- state and the token: a late finisher or a repeat changes no row and moves no money. `failed` is a passing state: it
-- is written to the timeline and never stored. One journal for each batch, outcome and claim, and one event for each
-- batch, outcome, reason and claim, which names the items by their positions: nothing is written per item that can be
-- written once a set. Locks: items, parents in id order, accounts last (in the posting trigger).
-- The items are found by their keys, which stand there a second time: joined alone, or with the state seen as a
-- constant, a planner with old statistics would read all running items or the whole table instead.
WITH input AS MATERIALIZED (
    SELECT u.*, %(from_state)s::text AS from_state
    FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(states)s::text[], %(reasons)s::text[], %(outputs)s::text[],
                %(bytes)s::bigint[], %(hashes)s::text[])
         AS u (id, token, state, reason, output, bytes, hash)
), ended AS (
    UPDATE item i SET
        state = u.state, failure_reason = u.reason, output = u.output, output_bytes = u.bytes, media_sha256 = u.hash,
        output_expires_at = CASE WHEN u.output IS NOT NULL
                                 THEN (SELECT base.clock_now()) + make_interval(days => %(kept_days)s) END,
        finished_at = (SELECT base.clock_now()), next_run_at = NULL, lease_until = NULL,
        progress = CASE WHEN u.state = 'succeeded' THEN 100 ELSE i.progress END
    FROM input u
    WHERE i.id = ANY(%(ids)s::bigint[]) AND i.id = u.id AND i.state = u.from_state AND (u.token IS NULL OR i.token = u.token)
    RETURNING i.id, i.tenant, i.batch, i.position, i.state, i.failure_reason, i.media_sha256
), groups AS (
    SELECT batch, count(*) FILTER (WHERE state = 'succeeded') AS good, count(*) FILTER (WHERE state = 'refunded') AS bad
    FROM ended GROUP BY batch
), locked AS MATERIALIZED (
    SELECT b.* FROM batch b WHERE b.id IN (SELECT batch FROM groups) ORDER BY b.id FOR UPDATE
), journals AS (
    INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, request_id, description,
                         terms_hash, effective_at, recorded_at, actor, tx)
    SELECT b.tenant, k.kind || ':' || b.public_id || ':' || %(claim)s, b.request_hash, k.kind, 'batch_item',
           b.public_id, b.request_id,
           CASE k.kind WHEN 'settle' THEN 'Settled (success)' ELSE 'Refunded (failures)' END,
           b.terms_hash, (SELECT base.clock_now()), clock_timestamp(), %(actor)s, (SELECT base.tx())
    FROM locked b JOIN groups g ON g.batch = b.id
    CROSS JOIN LATERAL (VALUES ('settle', g.good), ('refund', g.bad)) AS k (kind, n)
    WHERE k.n > 0
    RETURNING id, ref_id, kind
), postings AS MATERIALIZED (
    SELECT b.id AS batch, j.kind = 'settle' AS is_good, j.id, j.kind, b.tenant, b.held_account AS debit,
           CASE j.kind WHEN 'settle' THEN b.earned_account ELSE b.wallet_account END AS credit,
           b.cost AS amount
    FROM journals j JOIN locked b ON b.public_id = j.ref_id
), moved AS (
    INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)
    SELECT p.tenant, p.id, p.debit, p.credit, p.amount, p.kind, e.id
    FROM ended e JOIN postings p ON p.batch = e.batch AND p.is_good = (e.failure_reason IS NULL)
), outcomes AS (
    SELECT batch, failure_reason AS reason, jsonb_agg(position ORDER BY position) AS items,
           jsonb_agg(media_sha256 ORDER BY position) FILTER (WHERE failure_reason IS NULL) AS hashes
    FROM ended GROUP BY batch, failure_reason
), told AS (
    INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
    SELECT b.tenant, 'batch_items', b.id,
           b.item_events + row_number() OVER (PARTITION BY b.id ORDER BY s.step, o.reason),
           (SELECT base.clock_now()), clock_timestamp(), %(actor)s, s.type,
           CASE s.type
               WHEN 'failed' THEN jsonb_build_object('reason', o.reason, 'items', o.items)
               WHEN 'refunded' THEN jsonb_build_object('reason', o.reason, 'amount', b.cost, 'items', o.items)
               ELSE jsonb_build_object('amount', b.cost, 'items', o.items, 'media_sha256', o.hashes)
           END,
           'customer', (SELECT base.tx())
    FROM outcomes o JOIN locked b ON b.id = o.batch
    JOIN (VALUES (1, 'succeeded'), (2, 'failed'), (3, 'refunded')) AS s (step, type)
      ON (o.reason IS NULL) = (s.type = 'succeeded')
    RETURNING subject_id AS batch
), told_count AS (
    SELECT batch, count(*) AS n FROM told GROUP BY batch
), counted AS (
    UPDATE batch b SET
        pending_count = b.pending_count - CASE WHEN %(from_state)s = 'pending' THEN g.good + g.bad ELSE 0 END,
        running_count = b.running_count - CASE WHEN %(from_state)s = 'running' THEN g.good + g.bad ELSE 0 END,
        succeeded_count = b.succeeded_count + g.good, failed_count = b.failed_count + g.bad,
        item_events = b.item_events + t.n,
        settled = b.settled + g.good * b.cost, refunded = b.refunded + g.bad * b.cost,
        state = CASE WHEN b.pending_count + b.running_count = g.good + g.bad THEN 'completed' ELSE b.state END,
        completed_at = CASE WHEN b.pending_count + b.running_count = g.good + g.bad
                            THEN (SELECT base.clock_now()) END
    FROM groups g JOIN locked l ON l.id = g.batch JOIN told_count t ON t.batch = g.batch
    WHERE b.id = l.id
    RETURNING b.id, b.tenant, b.public_id, b.request_id, b.state, b.kind, b.mode, b.total, b.succeeded_count,
              b.failed_count, b.reserved, b.settled, b.refunded, b.completed_at, b.webhook_url, g.good, g.bad
)
SELECT * FROM counted ORDER BY id
