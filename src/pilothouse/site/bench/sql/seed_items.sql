-- One tenant's million items as a year of ordinary work would have left them: batches of fifty, one item of twenty
-- refunded, the last batches still waiting; with their ledger, timeline and webhooks. Run as superuser with triggers
-- off, in a database of the bench's own: what the triggers check is written right here.
-- name: numbers
-- Each batch's transactions come one after another, as they did in that year; as after a restore, those of this database
-- go on above them.
UPDATE house SET tx_offset = tx_offset + 10 + 3 * %(batches)s
-- name: batches
INSERT INTO batch (tenant, public_id, kind, mode, state, request_id, request_hash, entry, created_by, unit, cost,
                   terms_hash, fingerprint, versions, total, pending_count, running_count, succeeded_count,
                   failed_count, item_events, reserved, settled, refunded, wallet_account, held_account, earned_account,
                   created_at, started_at, completed_at, deadline_at)
SELECT %(tenant)s, 'bat_' || lpad(g::text, 26, '0'), 'enterprise', 'live', CASE WHEN s.open THEN 'pending' ELSE
       'completed' END, 'seed-' || g, md5(g::text), 'api', 'bench', 'CREDIT', %(cost)s, '', md5(g::text), '{}', s.total,
       CASE WHEN s.open THEN s.total ELSE 0 END, 0, CASE WHEN s.open THEN 0 ELSE s.total - s.bad END,
       CASE WHEN s.open THEN 0 ELSE s.bad END, CASE WHEN s.open THEN 0 ELSE 3 END, s.total * %(cost)s,
       CASE WHEN s.open THEN 0 ELSE (s.total - s.bad) * %(cost)s END, CASE WHEN s.open THEN 0 ELSE s.bad * %(cost)s END,
       %(wallet)s, %(held)s, %(earned)s, s.at, s.at, CASE WHEN s.open THEN NULL ELSE s.at + interval '5 min' END,
       s.at + interval '1 day'
FROM generate_series(1, %(batches)s) AS g
CROSS JOIN LATERAL (
    SELECT %(items)s AS total, ceil(%(items)s / 20.0)::int AS bad, g > %(batches)s - %(open)s AS open,
           statement_timestamp() - (%(batches)s - g) * (interval '360 days' / %(batches)s) AS at
) s
-- name: requests
INSERT INTO batch_request (tenant, batch, given, given_sha256)
SELECT tenant, id, '[]', repeat('0', 64) FROM batch WHERE tenant = %(tenant)s AND request_id LIKE 'seed-%%'
-- name: items
INSERT INTO item (tenant, public_id, batch, position, state, params, metadata, fingerprint, next_run_at, created_at,
                  dispatched_at, finished_at, failure_reason, output, output_bytes, output_expires_at, media_sha256,
                  progress, token)
SELECT b.tenant, 'itm_' || lpad((b.id * 100000 + p)::text, 26, '0'), b.id, p,
       CASE WHEN b.state = 'pending' THEN 'pending' WHEN s.bad THEN 'refunded' ELSE 'succeeded' END,
       jsonb_build_object('prompt', 'a mug on a table ' || p, 'aspect', '9:16', 'seconds', 4), '{"sku": "A-1"}',
       repeat('0', 64), CASE WHEN b.state = 'pending' THEN b.created_at END, b.created_at, b.started_at, b.completed_at,
       CASE WHEN b.state = 'completed' AND s.bad THEN 'model_error' END,
       CASE WHEN b.state = 'completed' AND NOT s.bad THEN 'file_' || lpad((b.id * 100000 + p)::text, 26, '0') END,
       CASE WHEN b.state = 'completed' AND NOT s.bad THEN 100000 END, b.completed_at + interval '30 days',
       CASE WHEN b.state = 'completed' AND NOT s.bad THEN repeat('0', 64) END,
       CASE WHEN b.state = 'completed' AND NOT s.bad THEN 100 ELSE 0 END, 1
FROM batch b CROSS JOIN generate_series(1, b.total) AS p
CROSS JOIN LATERAL (SELECT p <= ceil(b.total / 20.0) AS bad) s
WHERE b.tenant = %(tenant)s AND b.request_id LIKE 'seed-%%'
ORDER BY b.id, p
-- name: journals
INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, request_id, description,
                     effective_at, recorded_at, actor, tx)
SELECT b.tenant, k.kind || ':' || b.public_id, b.request_hash, k.kind, CASE k.kind WHEN 'reserve' THEN 'batch' ELSE
       'batch_item' END, b.public_id, b.request_id, k.says, coalesce(k.at, b.created_at), coalesce(k.at, b.created_at),
       'bench', %(first_tx)s + 3 * substr(b.public_id, 5)::bigint + k.step
FROM batch b
CROSS JOIN LATERAL (VALUES ('reserve', 'Reserved (initial)', b.created_at, 1),
                           ('settle', 'Settled (success)', b.completed_at, 2),
                           ('refund', 'Refunded (failures)', b.completed_at, 2)) AS k (kind, says, at, step)
WHERE b.tenant = %(tenant)s AND b.request_id LIKE 'seed-%%' AND k.at IS NOT NULL
ORDER BY coalesce(k.at, b.created_at)
-- name: transfers
INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)
SELECT b.tenant, j.id, CASE j.kind WHEN 'reserve' THEN b.wallet_account ELSE b.held_account END,
       CASE j.kind WHEN 'reserve' THEN b.held_account WHEN 'settle' THEN b.earned_account ELSE b.wallet_account END,
       b.cost, j.kind, i.id
FROM batch b
JOIN journal j ON j.tenant = b.tenant AND j.ref_id = b.public_id
JOIN item i ON i.batch = b.id
           AND (j.kind = 'reserve' OR i.state = CASE j.kind WHEN 'settle' THEN 'succeeded' ELSE 'refunded' END)
WHERE b.tenant = %(tenant)s AND b.request_id LIKE 'seed-%%'
-- name: accounts
UPDATE account a SET credits = a.credits + m.credits, debits = a.debits + m.debits
FROM (
    SELECT x.account, sum(x.credit)::bigint AS credits, sum(x.debit)::bigint AS debits
    FROM batch b CROSS JOIN LATERAL (VALUES
        (b.wallet_account, b.refunded, b.reserved), (b.held_account, b.reserved, b.settled + b.refunded)
    ) AS x (account, credit, debit)
    WHERE b.tenant = %(tenant)s AND b.request_id LIKE 'seed-%%' GROUP BY x.account
) m
WHERE a.id = m.account
-- name: item_events
INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
SELECT b.tenant, 'batch_items', b.id, s.seq, b.completed_at, b.completed_at, 'worker', s.type,
       jsonb_build_object('amount', %(cost)s, 'reason', s.reason, 'items', i.items, 'media_sha256', i.hashes), 'customer',
       %(first_tx)s + 3 * substr(b.public_id, 5)::bigint + 2
FROM batch b
JOIN (VALUES ('succeeded', 1, 'succeeded', NULL), ('refunded', 2, 'failed', 'model_error'),
             ('refunded', 3, 'refunded', 'model_error')) AS s (state, seq, type, reason) ON true
JOIN LATERAL (
    SELECT jsonb_agg(position ORDER BY position) AS items, jsonb_agg(media_sha256 ORDER BY position) AS hashes
    FROM item WHERE batch = b.id AND state = s.state
) i ON i.items IS NOT NULL
WHERE b.tenant = %(tenant)s AND b.request_id LIKE 'seed-%%'
ORDER BY b.id, s.seq
-- name: batch_events
INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
SELECT b.tenant, 'batch', b.id, s.seq, s.at, s.at, 'bench', s.type, s.data, 'customer',
       %(first_tx)s + 3 * substr(b.public_id, 5)::bigint + least(s.seq, 2)
FROM batch b
CROSS JOIN LATERAL (VALUES
    (1, 'create', b.created_at,
     jsonb_build_object('items', b.total, 'reserved', b.reserved, 'unit', b.unit, 'entry', b.entry)),
    (2, 'start', b.completed_at, jsonb_build_object('items', b.total)),
    (3, 'finish', b.completed_at,
     jsonb_build_object('total', b.total, 'succeeded', b.succeeded_count, 'failed', b.failed_count, 'reserved',
                        b.reserved, 'settled', b.settled, 'refunded', b.refunded))) AS s (seq, type, at, data)
WHERE b.tenant = %(tenant)s AND b.request_id LIKE 'seed-%%' AND s.at IS NOT NULL
-- name: messages
INSERT INTO message (public_id, tenant, type, subject_kind, subject_id, reference, body, body_sha256, created_at)
SELECT 'evt_' || lpad(b.id::text, 26, '0'), b.tenant, 'batch.completed', 'batch', b.id, b.public_id, '{}',
       repeat('0', 64), b.completed_at
FROM batch b WHERE b.tenant = %(tenant)s AND b.request_id LIKE 'seed-%%' AND b.state = 'completed'
-- name: deliveries
INSERT INTO delivery (public_id, tenant, message_id, endpoint_id, origin, state, attempt, token, created_at, created_by,
                      ended_at, last_status, last_error)
SELECT 'dlv_' || lpad(m.id::text, 26, '0'), m.tenant, m.id, %(endpoint)s, 'event', 'delivered', 1, 1, m.created_at,
       'bench', m.created_at, 200, ''
FROM message m WHERE m.tenant = %(tenant)s AND m.public_id LIKE 'evt_0%%'
-- name: attempts
INSERT INTO delivery_attempt (tenant, delivery_id, number, at, ms, status, error, excerpt, body_sha256)
SELECT d.tenant, d.id, 1, d.created_at, 20, 200, '', 'ok', repeat('0', 64)
FROM delivery d WHERE d.tenant = %(tenant)s AND d.public_id LIKE 'dlv_0%%'
