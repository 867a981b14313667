-- A market's deals as a year of work would have left them, or, when `mixed` is false, all of them in inspection; with
-- their accounts, ledger, payments, payouts, timers, timeline, evidence and disputes. Run as superuser with triggers off,
-- in a database of the bench's own: what the triggers check is written right here.
-- name: numbers
-- Each deal has a transaction of its own; as after a restore, those of this database go on above them.
UPDATE house SET tx_offset = tx_offset + 10 + %(deals)s
-- name: people
INSERT INTO auth_user (username, email, password, first_name, last_name, is_superuser, is_staff, is_active, date_joined)
SELECT 'buyer-' || g || '@bench.example', 'buyer-' || g || '@bench.example', '!', 'Buyer', g::text, false, false, true,
       statement_timestamp()
FROM generate_series(1, %(people)s) AS g
ON CONFLICT DO NOTHING
-- name: bank_accounts
INSERT INTO bank_account (tenant, public_id, state, person_id, unit, holder, bank, number_sealed, number_hint, named_at,
                          confirmed_at, usable_from)
SELECT %(tenant)s, 'bnk_' || lpad((%(tenant)s * 1000000 + u.id)::text, 26, '0'), 'confirmed', u.id, 'MNT', u.email,
       'Bench Bank', '', '0000', statement_timestamp() - interval '400 days', statement_timestamp() - interval '400 days',
       statement_timestamp() - interval '400 days'
FROM auth_user u WHERE u.id = %(seller)s OR u.username LIKE 'buyer-%%@bench.example'
-- name: plan
CREATE TEMP TABLE plan AS
SELECT g, %(first_tx)s + g AS tx, 'deal_' || lpad((%(tenant)s * 1000000 + g)::text, 26, '0') AS public_id, s.state, k,
       d.dispute, 3000000000 AS price, 2550000000 AS immediate, 450000000 AS holdback,
       CASE WHEN s.state IN ('OFFERED', 'AWAITING_FUNDS', 'EXPIRED', 'CANCELLED') THEN 0 ELSE 3000000000 END AS funded,
       CASE WHEN s.state = 'SETTLED' THEN 3000000000 - CASE WHEN d.dispute THEN 90000000 ELSE 0 END
            WHEN s.state = 'HOLDBACK' THEN 2550000000 ELSE 0 END AS to_seller,
       CASE WHEN s.state = 'REFUNDED' THEN 3000000000 WHEN s.state = 'SETTLED' AND d.dispute THEN 90000000 ELSE 0 END
           AS to_buyer,
       CASE WHEN s.ended THEN statement_timestamp() - interval '7 days'
                              - (%(deals)s - g) * (interval '353 days' / %(deals)s)
            ELSE statement_timestamp() - interval '12 hours' - interval '1 second' * (g %% 3600) END AS at, s.ended,
       'pay_' || lpad((%(tenant)s * 1000000 + g)::text, 26, '0') AS payment, g %% 50 <> 0 AS is_paid_out
FROM generate_series(1, %(deals)s) AS g
CROSS JOIN LATERAL (SELECT CASE WHEN %(mixed)s THEN g %% 100 ELSE 80 END AS k) k
CROSS JOIN LATERAL (
    SELECT w.state, w.state IN ('SETTLED', 'REFUNDED', 'EXPIRED', 'CANCELLED') AS ended
    FROM (SELECT CASE WHEN k < 50 THEN 'SETTLED' WHEN k < 55 THEN 'REFUNDED' WHEN k < 62 THEN 'EXPIRED'
                      WHEN k < 66 THEN 'CANCELLED' WHEN k < 68 THEN 'OFFERED' WHEN k < 70 THEN 'AWAITING_FUNDS'
                      WHEN k < 76 THEN 'FUNDED' WHEN k < 88 THEN 'INSPECTION' WHEN k < 96 THEN 'HOLDBACK'
                      ELSE 'ISSUE' END AS state) w
) s
CROSS JOIN LATERAL (SELECT s.state = 'ISSUE' OR k < 5 AS dispute) d
-- name: accounts
INSERT INTO account (tenant, kind, ref, unit, debits, credits, stored, floor)
SELECT %(tenant)s, m.kind, m.ref, 'MNT', m.debits, m.credits, true, m.floor
FROM plan p
CROSS JOIN LATERAL (VALUES
    ('suspense', p.payment, p.funded, p.funded, NULL),
    ('escrow', p.public_id, p.to_seller + p.to_buyer, p.funded, 0),
    ('payable', p.public_id, CASE WHEN p.is_paid_out THEN p.to_seller ELSE 0 END, p.to_seller, NULL),
    ('refund_due', p.public_id, CASE WHEN p.is_paid_out THEN p.to_buyer ELSE 0 END, p.to_buyer, NULL)
) AS m (kind, ref, debits, credits, floor)
WHERE p.funded > 0 OR p.state = 'AWAITING_FUNDS' AND m.kind <> 'suspense'
-- name: deals
INSERT INTO deal (tenant, public_id, state, template, terms_version, terms_hash, unit, price, first_price, immediate,
                  holdback, title, item, creator_side, created_by_id, buyer_id, seller_id, offer_hash, funded, in_escrow,
                  to_seller, to_buyer, escrow_account, seller_account, buyer_account, stage, created_at, offered_at,
                  accepted_at, funded_at, handover_filed_at, contested_at, contest_reason, contest_note, handover_at,
                  approved_at, ended_at, ended_by)
SELECT %(tenant)s, p.public_id, p.state, %(template)s, %(version)s, %(hash)s, 'MNT', p.price, p.price, p.immediate,
       p.holdback, 'Toyota Prius ' || (2005 + p.g %% 18) || ' number ' || p.g, '{"make": "Toyota", "model": "Prius"}',
       'seller', %(seller)s, b.id, %(seller)s, repeat('0', 64), p.funded, p.funded - p.to_seller - p.to_buyer,
       p.to_seller, p.to_buyer, e.id, s.id, r.id, CASE WHEN p.dispute THEN 'INSPECTION' END, p.at,
       p.at + interval '1 min', CASE WHEN e.id IS NOT NULL THEN p.at + interval '1 hour' END,
       CASE WHEN p.funded > 0 THEN p.at + interval '2 hours' END,
       CASE WHEN m.handed OR m.contested THEN p.at + interval '3 hours' END,
       CASE WHEN m.contested THEN p.at + interval '4 hours' END, CASE WHEN m.contested THEN 'not_received' END, '',
       CASE WHEN m.handed THEN p.at + interval '5 hours' END,
       CASE WHEN m.approved THEN p.at + interval '9 hours' END,
       CASE WHEN p.ended THEN p.at + interval '6 days' END,
       CASE p.state WHEN 'SETTLED' THEN CASE WHEN p.dispute THEN 'OFFSET_AS_CLAIMED' ELSE 'HOLDBACK_RELEASE' END
                    WHEN 'REFUNDED' THEN 'no_handover' WHEN 'EXPIRED' THEN 'offer_expired'
                    WHEN 'CANCELLED' THEN 'declined' END
FROM plan p
JOIN auth_user b ON b.username = 'buyer-' || 1 + p.g %% %(people)s || '@bench.example'
LEFT JOIN account e ON e.tenant = %(tenant)s AND e.kind = 'escrow' AND e.ref = p.public_id
LEFT JOIN account s ON s.tenant = %(tenant)s AND s.kind = 'payable' AND s.ref = p.public_id
LEFT JOIN account r ON r.tenant = %(tenant)s AND r.kind = 'refund_due' AND r.ref = p.public_id
CROSS JOIN LATERAL (
    SELECT p.state IN ('INSPECTION', 'HOLDBACK', 'ISSUE', 'SETTLED') AS handed, p.k IN (74, 75) AS contested,
           p.state IN ('HOLDBACK', 'SETTLED') AND NOT p.dispute AS approved
) m
ORDER BY p.g
-- name: disputes
INSERT INTO dispute (tenant, public_id, deal_id, state, opened_at, due_at, ended_at, ended_by, granted)
SELECT d.tenant, 'dis_' || substr(d.public_id, 6), d.id, CASE WHEN p.ended THEN 'RESOLVED' ELSE 'OPEN' END,
       d.handover_at + interval '3 hours', d.handover_at + interval '51 hours', d.ended_at,
       CASE WHEN p.ended THEN 'OFFSET_AS_CLAIMED' END, CASE WHEN p.ended THEN p.to_buyer END
FROM plan p JOIN deal d ON d.public_id = p.public_id WHERE p.dispute ORDER BY d.id
-- name: claim_lines
INSERT INTO claim_line (tenant, dispute_id, position, code, claimed, note, outcome, granted)
SELECT p.tenant, p.id, 1, 'COSMETIC_DAMAGE', 100000000, 'A long scratch on the left door.',
       CASE WHEN p.granted IS NOT NULL THEN 'OFFSET_AS_CLAIMED' END, p.granted
FROM dispute p WHERE p.tenant = %(tenant)s
-- name: files
INSERT INTO file (tenant, public_id, state, kind, purpose, name, content_type, size_bytes, sha256, storage_key, created_by,
                  created_at)
SELECT d.tenant, 'file_' || substr(d.public_id, 6), 'stored', 'image', 'evidence:' || d.public_id, 'photo.jpg',
       'image/jpeg', 100000, repeat('0', 64), d.tenant || '/' || d.public_id || '.jpg', 'bench', d.created_at
FROM deal d WHERE d.tenant = %(tenant)s
-- name: evidence
INSERT INTO deal_evidence (tenant, deal_id, line_id, purpose, side, type, file_id, added_by_id, added_at)
SELECT d.tenant, d.id, CASE WHEN w.purpose = 'claim' THEN l.id END, w.purpose, w.side, w.type, f.id,
       CASE w.side WHEN 'buyer' THEN d.buyer_id ELSE d.seller_id END, d.created_at
FROM deal d
JOIN file f ON f.public_id = 'file_' || substr(d.public_id, 6)
LEFT JOIN dispute p ON p.deal_id = d.id
LEFT JOIN claim_line l ON l.dispute_id = p.id
CROSS JOIN LATERAL (VALUES
    ('item', 'seller', 'PHOTO', true), ('handover', 'seller', 'PHOTO', d.handover_filed_at IS NOT NULL),
    ('handover', 'seller', 'DOCUMENT', d.handover_filed_at IS NOT NULL),
    ('claim', 'buyer', 'PHOTO', l.id IS NOT NULL AND d.id %% 4 > 0)
) AS w (purpose, side, type, is_there)
WHERE d.tenant = %(tenant)s AND w.is_there
ORDER BY d.id
-- name: payments
INSERT INTO payment (tenant, public_id, state, source, external_ref, amount, unit, matched, payer, note, received_at,
                     recorded_by)
SELECT d.tenant, p.payment, 'closed', 'bank', 'seed-' || p.g, p.funded, 'MNT', p.funded, 'A buyer', d.public_id,
       d.funded_at, 'bench'
FROM plan p JOIN deal d ON d.public_id = p.public_id WHERE p.funded > 0 ORDER BY d.id
-- name: payouts
INSERT INTO payout (tenant, public_id, state, subject_kind, subject_ref, side, person_id, account, amount, unit,
                    bank_account_id, bank_reference, attempts, sent_by, approved_by, created_at, sent_at, confirmed_at,
                    due_at)
SELECT d.tenant, 'out_' || lpad((2 * d.id + w.n)::text, 26, '0'), CASE WHEN p.is_paid_out THEN 'confirmed' ELSE 'due' END,
       'deal', d.public_id, w.side, w.person, w.account, w.amount, 'MNT', CASE WHEN p.is_paid_out THEN b.id END,
       CASE WHEN p.is_paid_out THEN 'seed-' || d.id ELSE '' END, p.is_paid_out::int,
       CASE WHEN p.is_paid_out THEN 'bench' ELSE '' END, CASE WHEN p.is_paid_out THEN 'bench two' ELSE '' END, w.at,
       CASE WHEN p.is_paid_out THEN w.at END, CASE WHEN p.is_paid_out THEN w.at END,
       CASE WHEN NOT p.is_paid_out THEN w.at + interval '1 day' END
FROM plan p
JOIN deal d ON d.public_id = p.public_id
CROSS JOIN LATERAL (VALUES
    (0, 'seller', d.seller_id, d.seller_account, d.to_seller, coalesce(d.ended_at, d.approved_at)),
    (1, 'buyer', d.buyer_id, d.buyer_account, d.to_buyer, d.ended_at)
) AS w (n, side, person, account, amount, at)
JOIN bank_account b ON b.tenant = d.tenant AND b.person_id = w.person
WHERE w.amount > 0 ORDER BY d.id
-- name: moves
CREATE TEMP TABLE move AS
SELECT p.tx, d.id AS deal, w.*
FROM plan p
JOIN deal d ON d.public_id = p.public_id
LEFT JOIN account a ON a.tenant = d.tenant AND a.kind = 'suspense' AND a.ref = p.payment
CROSS JOIN LATERAL (VALUES
    ('receive', 'receive:' || p.payment, 'payment', p.payment, %(world)s, a.id, p.funded, d.funded_at),
    ('fund', 'fund:' || d.public_id || ':fund', 'deal', d.public_id, a.id, d.escrow_account, p.funded, d.funded_at),
    ('release', 'release:' || d.public_id || ':approve', 'deal', d.public_id, d.escrow_account, d.seller_account,
     CASE WHEN d.approved_at IS NULL THEN 0 ELSE d.immediate END, d.approved_at),
    ('release', 'release:' || d.public_id || ':end', 'deal', d.public_id, d.escrow_account, d.seller_account,
     CASE WHEN d.state = 'SETTLED' THEN d.to_seller - CASE WHEN d.approved_at IS NULL THEN 0 ELSE d.immediate END ELSE 0 END,
     d.ended_at),
    ('return', 'return:' || d.public_id || ':end', 'deal', d.public_id, d.escrow_account, d.buyer_account, d.to_buyer,
     d.ended_at),
    ('payout', 'payout:' || d.public_id || ':seller', 'payout', d.public_id, d.seller_account, %(world)s,
     CASE WHEN p.is_paid_out THEN d.to_seller ELSE 0 END, coalesce(d.ended_at, d.approved_at)),
    ('payout', 'payout:' || d.public_id || ':buyer', 'payout', d.public_id, d.buyer_account, %(world)s,
     CASE WHEN p.is_paid_out THEN d.to_buyer ELSE 0 END, d.ended_at)
) AS w (kind, key, ref_type, ref_id, debit, credit, amount, at)
WHERE w.amount > 0
-- name: journals
INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, terms_hash, effective_at, recorded_at,
                     actor, tx)
SELECT %(tenant)s, m.key, md5(m.key), m.kind, m.ref_type, m.ref_id, %(hash)s, m.at, m.at, 'bench', m.tx
FROM move m ORDER BY m.at
-- name: transfers
INSERT INTO transfer (tenant, journal, debit, credit, amount, kind)
SELECT %(tenant)s, j.id, m.debit, m.credit, m.amount, m.kind
FROM move m JOIN journal j ON j.tenant = %(tenant)s AND j.idempotency_key = m.key
-- name: deal_events
INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
SELECT d.tenant, 'deal', d.id, row_number() OVER (PARTITION BY d.id ORDER BY w.at), w.at, w.at, 'bench', w.type,
       jsonb_build_object('to_seller', 0, 'to_buyer', 0, 'unit', 'MNT'), 'customer', p.tx
FROM plan p
JOIN deal d ON d.public_id = p.public_id
CROSS JOIN LATERAL (VALUES
    ('create', d.created_at), ('offer', d.offered_at), ('accept', d.accepted_at), ('fund', d.funded_at),
    ('file_handover', d.handover_filed_at), ('contest_handover', d.contested_at), ('confirm_handover', d.handover_at),
    ('raise_issue', CASE WHEN p.dispute THEN d.handover_at + interval '3 hours' END), ('approve', d.approved_at),
    (CASE d.state WHEN 'SETTLED' THEN 'release_holdback' WHEN 'REFUNDED' THEN 'cancel_funded'
                  WHEN 'EXPIRED' THEN 'expire_offer' ELSE 'withdraw' END, d.ended_at)
) AS w (type, at)
WHERE w.at IS NOT NULL
ORDER BY d.id
-- name: dispute_events
INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
SELECT p.tenant, 'dispute', p.id, w.seq, w.at, w.at, 'bench', w.type, '{}', 'customer', n.tx
FROM dispute p
JOIN deal d ON d.id = p.deal_id
JOIN plan n ON n.public_id = d.public_id
CROSS JOIN LATERAL (VALUES (1, 'open', p.opened_at), (2, 'accept_claim', p.ended_at)) AS w (seq, type, at)
WHERE p.tenant = %(tenant)s AND w.at IS NOT NULL
-- name: timers
INSERT INTO timer (tenant, subject_kind, subject_id, name, state, due_at, armed_at, error)
SELECT d.tenant, CASE WHEN p.id IS NULL THEN 'deal' ELSE 'dispute' END, coalesce(p.id, d.id), w.name, 'armed', w.due_at,
       w.due_at - interval '3 days', ''
FROM deal d
LEFT JOIN dispute p ON p.deal_id = d.id
CROSS JOIN LATERAL (
    SELECT CASE d.state WHEN 'OFFERED' THEN 'offer' WHEN 'AWAITING_FUNDS' THEN 'funding'
                        WHEN 'FUNDED' THEN CASE WHEN d.contested_at IS NULL THEN 'handover' ELSE 'handover_review' END
                        WHEN 'INSPECTION' THEN 'auto_approve' WHEN 'HOLDBACK' THEN 'holdback_release'
                        ELSE 'dispute_ttl' END AS name,
           CASE d.state WHEN 'ISSUE' THEN p.due_at ELSE d.created_at + interval '3 days' END AS due_at
) w
WHERE d.tenant = %(tenant)s AND d.ended_at IS NULL
-- name: tidy
DROP TABLE plan, move
