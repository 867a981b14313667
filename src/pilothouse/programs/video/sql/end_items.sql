-- Ends a set of items with their money, their timeline and their batches' counters, in one statement. The guard is the
-- state and the token: a late finisher or a repeat changes no row and moves no money. `failed` is a passing state: it
-- is written to the timeline and never stored. One journal for each batch, outcome and claim. Locks: items, parents in
-- id order, accounts last (in the posting trigger).
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
    RETURNING i.id, i.tenant, i.batch, i.state, i.failure_reason, i.media_sha256
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
), moved AS (
    INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)
    SELECT e.tenant, j.id, b.held_account, CASE j.kind WHEN 'settle' THEN b.earned_account ELSE b.wallet_account END,
           b.cost, j.kind, e.id
    FROM ended e JOIN locked b ON b.id = e.batch
    JOIN journals j ON j.ref_id = b.public_id
                   AND j.kind = CASE e.state WHEN 'succeeded' THEN 'settle' ELSE 'refund' END
), told AS (
    INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
    SELECT e.tenant, 'item', e.id, s.seq, (SELECT base.clock_now()), clock_timestamp(), %(actor)s, s.type,
           CASE s.type
               WHEN 'failed' THEN jsonb_build_object('reason', e.failure_reason)
               WHEN 'refunded' THEN jsonb_build_object('reason', e.failure_reason, 'amount', b.cost)
               ELSE jsonb_build_object('amount', b.cost, 'media_sha256', e.media_sha256)
           END,
           'customer', (SELECT base.tx())
    FROM ended e JOIN locked b ON b.id = e.batch
    JOIN (VALUES ('succeeded', 1, 'succeeded'), ('refunded', 1, 'failed'), ('refunded', 2, 'refunded'))
         AS s (state, seq, type) ON s.state = e.state
), counted AS (
    UPDATE batch b SET
        pending_count = b.pending_count - CASE WHEN %(from_state)s = 'pending' THEN g.good + g.bad ELSE 0 END,
        running_count = b.running_count - CASE WHEN %(from_state)s = 'running' THEN g.good + g.bad ELSE 0 END,
        succeeded_count = b.succeeded_count + g.good, failed_count = b.failed_count + g.bad,
        settled = b.settled + g.good * b.cost, refunded = b.refunded + g.bad * b.cost,
        state = CASE WHEN b.pending_count + b.running_count = g.good + g.bad THEN 'completed' ELSE b.state END,
        completed_at = CASE WHEN b.pending_count + b.running_count = g.good + g.bad
                            THEN (SELECT base.clock_now()) END
    FROM groups g JOIN locked l ON l.id = g.batch
    WHERE b.id = l.id
    RETURNING b.id, b.tenant, b.public_id, b.request_id, b.state, b.kind, b.mode, b.total, b.succeeded_count,
              b.failed_count, b.reserved, b.settled, b.refunded, b.completed_at, b.webhook_url, g.good, g.bad
)
SELECT * FROM counted ORDER BY id
