-- One move of a set of deals, whole or not at all: state, money, timers and timeline. Each deal is in the set once and
-- its row is locked by the caller; `old` guards the state all the same. Amounts of 0 write no transfer.
WITH step AS MATERIALIZED (
    SELECT u.*, (SELECT base.clock_now()) AS at
    FROM unnest(%(ids)s::bigint[], %(olds)s::text[], %(news)s::text[], %(events)s::text[], %(reasons)s::text[],
                %(funded)s::bigint[], %(sources)s::jsonb[], %(to_seller)s::bigint[], %(to_buyer)s::bigint[],
                %(returned)s::bigint[],
                %(changes)s::jsonb[], %(stamps)s::jsonb[], %(data)s::jsonb[], %(timers)s::text[],
                %(seconds)s::double precision[], %(cancels)s::boolean[], %(keys)s::text[])
         AS u (id, old, new, event, reason, funded, sources, to_seller, to_buyer, returned, changes, stamps, data, timer,
               seconds, cancels, key)
), moved AS (
    UPDATE deal d SET
        state = s.new, buyer_id = r.buyer_id, seller_id = r.seller_id, price = r.price, item = r.item,
        offer_hash = r.offer_hash, immediate = r.immediate, holdback = r.holdback,
        escrow_account = r.escrow_account, seller_account = r.seller_account, buyer_account = r.buyer_account,
        stage = r.stage, contest_reason = r.contest_reason, contest_note = r.contest_note, ended_by = r.ended_by,
        invited_email = r.invited_email, invitation_hash = r.invitation_hash, offered_at = r.offered_at,
        accepted_at = r.accepted_at, funded_at = r.funded_at, handover_filed_at = r.handover_filed_at,
        contested_at = r.contested_at, handover_at = r.handover_at, approved_at = r.approved_at,
        ended_at = r.ended_at,
        funded = o.funded + s.funded, returned = o.returned + s.returned,
        to_seller = o.to_seller + s.to_seller, to_buyer = o.to_buyer + s.to_buyer,
        in_escrow = o.in_escrow + s.funded - s.to_seller - s.to_buyer - s.returned
    FROM step s
    JOIN deal o ON o.id = s.id
    CROSS JOIN LATERAL jsonb_populate_record(
        o, s.changes || coalesce((SELECT jsonb_object_agg(name, s.at) FROM jsonb_array_elements_text(s.stamps) AS name),
                                 '{}')) r
    WHERE d.id = o.id AND d.state = s.old
    RETURNING d.id, d.tenant, d.public_id, d.terms_hash, d.unit, d.escrow_account, d.seller_account, d.buyer_account,
              s.event, s.reason, s.sources, s.to_seller, s.to_buyer, s.returned, s.data, s.timer, s.seconds,
              s.cancels, s.key, s.at
), leg AS (
    SELECT m.*, l.kind, l.debit, l.credit, l.amount
    FROM moved m CROSS JOIN LATERAL (
        VALUES ('release', m.escrow_account, m.seller_account, m.to_seller),
               ('return', m.escrow_account, m.buyer_account, m.to_buyer + m.returned)
        UNION ALL
        SELECT 'fund', (f ->> 0)::bigint, m.escrow_account, (f ->> 1)::bigint FROM jsonb_array_elements(m.sources) AS f
    ) AS l (kind, debit, credit, amount)
    WHERE l.amount > 0
), new_journal AS (
    INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, request_id, description,
                         terms_hash, effective_at, recorded_at, actor, tx)
    SELECT l.tenant, l.kind || ':' || l.public_id || ':' || l.key, encode(sha256(convert_to(sum(l.amount)::text, 'UTF8')), 'hex'),
           l.kind, 'deal', l.public_id, '', l.event || coalesce(nullif(' (' || l.reason || ')', ' ()'), ''),
           l.terms_hash, l.at, clock_timestamp(), %(actor)s, (SELECT base.tx())
    FROM leg l
    GROUP BY l.id, l.tenant, l.kind, l.public_id, l.key, l.event, l.reason, l.terms_hash, l.at
    ORDER BY l.id, l.kind
    RETURNING id, tenant, idempotency_key
), posted AS (
    INSERT INTO transfer (tenant, journal, debit, credit, amount, kind)
    SELECT l.tenant, j.id, l.debit, l.credit, l.amount, l.kind
    FROM leg l
    JOIN new_journal j ON j.tenant = l.tenant AND j.idempotency_key = l.kind || ':' || l.public_id || ':' || l.key
), cancelled AS (
    UPDATE timer t SET state = 'cancelled', ended_at = m.at
    FROM moved m
    WHERE m.cancels AND t.subject_kind = 'deal' AND t.subject_id = m.id AND t.state = 'armed'
), armed AS (
    INSERT INTO timer (tenant, subject_kind, subject_id, name, state, due_at, armed_at, error)
    SELECT m.tenant, 'deal', m.id, m.timer, 'armed', m.at + make_interval(secs => m.seconds), m.at, ''
    FROM moved m WHERE m.timer IS NOT NULL
), told AS (
    INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
    SELECT m.tenant, 'deal', m.id, coalesce(last.seq, 0) + 1, m.at, clock_timestamp(), %(actor)s, m.event,
           m.data || jsonb_build_object('to_seller', m.to_seller, 'to_buyer', m.to_buyer + m.returned, 'unit', m.unit)
               || CASE WHEN m.reason = '' THEN '{}'::jsonb ELSE jsonb_build_object('reason', m.reason) END,
           'customer', (SELECT base.tx())
    FROM moved m
    LEFT JOIN LATERAL (
        SELECT e.seq FROM event e WHERE e.subject_kind = 'deal' AND e.subject_id = m.id ORDER BY e.seq DESC LIMIT 1
    ) last ON true
    ORDER BY m.id
)
SELECT id FROM moved ORDER BY id
