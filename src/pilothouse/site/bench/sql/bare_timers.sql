-- The bare limit of firing timers: the same rows in tables of the same columns, CHECKs, indexes and free space, by one
-- statement; no row-level security, no triggers, no foreign keys, no guard of the state and no terms to read.
-- name: schema
DROP SCHEMA IF EXISTS bare_timers CASCADE;
CREATE SCHEMA bare_timers;
CREATE TABLE bare_timers.account (LIKE public.account INCLUDING ALL);
CREATE TABLE bare_timers.deal (LIKE public.deal INCLUDING ALL);
CREATE TABLE bare_timers.event (LIKE public.event INCLUDING ALL);
CREATE TABLE bare_timers.journal (LIKE public.journal INCLUDING ALL);
CREATE TABLE bare_timers.timer (LIKE public.timer INCLUDING ALL);
CREATE TABLE bare_timers.transfer (LIKE public.transfer INCLUDING ALL);
-- name: fill_accounts
INSERT INTO bare_timers.account SELECT * FROM public.account WHERE tenant = %(tenant)s
-- name: fill_deals
INSERT INTO bare_timers.deal SELECT * FROM public.deal WHERE tenant = %(tenant)s
-- name: fill_timers
INSERT INTO bare_timers.timer (tenant, subject_kind, subject_id, name, state, due_at, armed_at, error)
SELECT tenant, subject_kind, subject_id, name, state, due_at, armed_at, error
FROM public.timer WHERE tenant = %(tenant)s AND state = 'armed'
-- name: fire
WITH fired AS (
    UPDATE bare_timers.timer t SET state = 'fired', ended_at = statement_timestamp()
    WHERE t.state = 'armed' AND t.due_at <= statement_timestamp()
    RETURNING t.subject_id
), moved AS (
    UPDATE bare_timers.deal d SET state = 'HOLDBACK', to_seller = d.to_seller + d.immediate,
                                  in_escrow = d.in_escrow - d.immediate, approved_at = statement_timestamp()
    FROM fired f WHERE d.id = f.subject_id
    RETURNING d.id, d.tenant, d.public_id, d.terms_hash, d.immediate, d.escrow_account, d.seller_account
), new_journal AS (
    INSERT INTO bare_timers.journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, description,
                                     terms_hash, effective_at, recorded_at, actor, tx)
    SELECT m.tenant, 'release:' || m.public_id || ':approve', repeat('0', 64), 'release', 'deal', m.public_id,
           'approve (AUTO_APPROVE)', m.terms_hash, statement_timestamp(), statement_timestamp(), 'timer', 0
    FROM moved m
    RETURNING id, ref_id
), posted AS (
    INSERT INTO bare_timers.transfer (tenant, journal, debit, credit, amount, kind)
    SELECT m.tenant, j.id, m.escrow_account, m.seller_account, m.immediate, 'release'
    FROM moved m JOIN new_journal j ON j.ref_id = m.public_id
), counted AS (
    UPDATE bare_timers.account a SET debits = a.debits + c.debits, credits = a.credits + c.credits
    FROM (SELECT escrow_account AS id, immediate AS debits, 0 AS credits FROM moved
          UNION ALL SELECT seller_account, 0, immediate FROM moved) c
    WHERE a.id = c.id
), armed AS (
    INSERT INTO bare_timers.timer (tenant, subject_kind, subject_id, name, state, due_at, armed_at, error)
    SELECT m.tenant, 'deal', m.id, 'holdback_release', 'armed', statement_timestamp() + interval '2 days',
           statement_timestamp(), ''
    FROM moved m
), told AS (
    INSERT INTO bare_timers.event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
    SELECT m.tenant, 'deal', m.id, 1, statement_timestamp(), statement_timestamp(), 'timer', 'approve',
           jsonb_build_object('to_seller', m.immediate, 'to_buyer', 0, 'unit', 'MNT', 'reason', 'AUTO_APPROVE'),
           'customer', 0
    FROM moved m
)
SELECT count(*) FROM moved
-- name: make_due
UPDATE public.timer SET due_at = %(at)s WHERE id IN (
    SELECT id FROM public.timer WHERE tenant = %(tenant)s AND name = 'auto_approve' AND state = 'armed'
    ORDER BY id LIMIT %(count)s)
-- name: make_bare_due
UPDATE bare_timers.timer SET due_at = %(at)s WHERE id IN (
    SELECT id FROM bare_timers.timer WHERE name = 'auto_approve' AND state = 'armed' ORDER BY id LIMIT %(count)s)
-- name: arm_idle
INSERT INTO public.timer (tenant, subject_kind, subject_id, name, state, due_at, armed_at, error)
SELECT %(tenant)s, 'deal', 1000000000 + g, 'auto_approve', 'armed',
       statement_timestamp() + interval '1 day' + interval '1 second' * (g %% 86400), statement_timestamp(), ''
FROM generate_series(1, %(count)s) AS g
-- name: disarm_idle
DELETE FROM public.timer WHERE tenant = %(tenant)s AND subject_kind = 'deal' AND subject_id > 1000000000
