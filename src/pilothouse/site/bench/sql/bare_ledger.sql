-- The bare money statements: the same rows in tables of the same columns, CHECKs, indexes and free space, one statement
-- each, told each item's own token and result as ours are, but no row-level security, no triggers, no foreign keys, no
-- events, no messages, no idempotency and no checks of who may do it.
-- name: schema
CREATE SCHEMA bare;
CREATE TABLE bare.account (LIKE public.account INCLUDING ALL);
CREATE TABLE bare.batch (LIKE public.batch INCLUDING ALL);
CREATE TABLE bare.item (LIKE public.item INCLUDING ALL) WITH (fillfactor = 50);
CREATE TABLE bare.journal (LIKE public.journal INCLUDING ALL);
CREATE TABLE bare.transfer (LIKE public.transfer INCLUDING ALL);
INSERT INTO bare.account (tenant, kind, unit, credits, stored, floor)
VALUES (1, 'wallet', 'CREDIT', 1000000000, true, 0), (1, 'held', 'CREDIT', 0, true, 0),
       (1, 'credits_earned', 'CREDIT', 0, false, NULL)
-- name: reserve
WITH new_batch AS (
    INSERT INTO bare.batch (tenant, public_id, state, request_id, request_hash, entry, created_by, unit, cost,
                            terms_hash, fingerprint, versions, total, pending_count, reserved, wallet_account,
                            held_account, earned_account, created_at, deadline_at)
    VALUES (1, %(public_id)s, 'pending', %(public_id)s, '', 'bench', 'bench', 'CREDIT', 10, '', '', '{}', %(total)s,
            %(total)s, %(total)s * 10, 1, 2, 3, statement_timestamp(), statement_timestamp())
    RETURNING id
), new_items AS (
    INSERT INTO bare.item (tenant, public_id, batch, position, state, params, metadata, fingerprint, next_run_at,
                           created_at)
    SELECT 1, u.public_id, b.id, u.position, 'pending', u.params, '{}', '', statement_timestamp(),
           statement_timestamp()
    FROM new_batch b,
         unnest(%(item_ids)s::text[], %(params)s::jsonb[]) WITH ORDINALITY AS u (public_id, params, position)
    RETURNING id
), new_journal AS (
    INSERT INTO bare.journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, effective_at, recorded_at,
                              actor, tx)
    VALUES (1, 'reserve:' || %(public_id)s, '', 'reserve', 'batch', %(public_id)s, statement_timestamp(),
            statement_timestamp(), 'bench', 0)
    RETURNING id
), moved AS (
    INSERT INTO bare.transfer (tenant, journal, debit, credit, amount, kind, item)
    SELECT 1, j.id, 1, 2, 10, 'reserve', i.id FROM new_journal j, new_items i
), counted AS (
    UPDATE bare.account SET debits = debits + CASE id WHEN 1 THEN %(total)s * 10 ELSE 0 END,
                            credits = credits + CASE id WHEN 2 THEN %(total)s * 10 ELSE 0 END
    WHERE id IN (1, 2)
)
SELECT id FROM new_items
-- name: start
UPDATE bare.item SET state = 'running', token = token + 1 WHERE state = 'pending'
-- name: start_batch
UPDATE bare.batch SET state = 'running', running_count = total, pending_count = 0 WHERE state = 'pending'
-- name: settle
WITH ended AS (
    UPDATE bare.item i SET state = 'succeeded', output = u.output, output_bytes = u.bytes, media_sha256 = u.hash,
                           finished_at = statement_timestamp(), next_run_at = NULL, lease_until = NULL, progress = 100
    FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(outputs)s::text[], %(bytes)s::bigint[], %(hashes)s::text[])
         AS u (id, token, output, bytes, hash)
    WHERE i.id = ANY(%(ids)s::bigint[]) AND i.id = u.id AND i.state = 'running' AND i.token = u.token
    RETURNING i.id, i.batch
), new_journal AS (
    INSERT INTO bare.journal (tenant, idempotency_key, request_hash, kind, ref_type, effective_at, recorded_at, actor, tx)
    VALUES (1, 'settle:' || %(key)s, '', 'settle', 'batch_item', statement_timestamp(), statement_timestamp(), 'bench',
            0)
    RETURNING id
), moved AS (
    INSERT INTO bare.transfer (tenant, journal, debit, credit, amount, kind, item)
    SELECT 1, j.id, 2, 3, 10, 'settle', e.id FROM new_journal j, ended e
), counted AS (
    UPDATE bare.account SET debits = debits + 10 * (SELECT count(*) FROM ended) WHERE id = 2
)
UPDATE bare.batch b SET succeeded_count = b.succeeded_count + s.n, running_count = b.running_count - s.n,
                        settled = b.settled + s.n * b.cost, state = 'completed', completed_at = statement_timestamp()
FROM (SELECT batch, count(*) AS n FROM ended GROUP BY batch) s
WHERE b.id = s.batch
RETURNING s.n
-- name: refund
WITH ended AS (
    UPDATE bare.item i SET state = 'refunded', failure_reason = u.reason, finished_at = statement_timestamp(),
                           next_run_at = NULL, lease_until = NULL
    FROM unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(reasons)s::text[]) AS u (id, token, reason)
    WHERE i.id = ANY(%(ids)s::bigint[]) AND i.id = u.id AND i.state = 'running' AND i.token = u.token
    RETURNING i.id, i.batch
), new_journal AS (
    INSERT INTO bare.journal (tenant, idempotency_key, request_hash, kind, ref_type, effective_at, recorded_at, actor, tx)
    VALUES (1, 'refund:' || %(key)s, '', 'refund', 'batch_item', statement_timestamp(), statement_timestamp(), 'bench',
            0)
    RETURNING id
), moved AS (
    INSERT INTO bare.transfer (tenant, journal, debit, credit, amount, kind, item)
    SELECT 1, j.id, 2, 1, 10, 'refund', e.id FROM new_journal j, ended e
), counted AS (
    UPDATE bare.account SET debits = debits + CASE id WHEN 2 THEN 10 * (SELECT count(*) FROM ended) ELSE 0 END,
                            credits = credits + CASE id WHEN 1 THEN 10 * (SELECT count(*) FROM ended) ELSE 0 END
    WHERE id IN (1, 2)
)
UPDATE bare.batch b SET failed_count = b.failed_count + s.n, running_count = b.running_count - s.n,
                        refunded = b.refunded + s.n * b.cost, state = 'completed', completed_at = statement_timestamp()
FROM (SELECT batch, count(*) AS n FROM ended GROUP BY batch) s
WHERE b.id = s.batch
RETURNING s.n
