-- What a twin made meanwhile is left to it: the open one by the index, the paid one by the trigger that reads the account.
WITH new AS (
    INSERT INTO payout (tenant, public_id, state, subject_kind, subject_ref, side, person_id, account, amount, unit,
                        created_at, due_at)
    SELECT u.tenant, u.public_id, 'due', u.subject_kind, u.ref, u.side, u.person, u.account, u.amount, u.unit,
           (SELECT base.clock_now()), (SELECT base.clock_now()) + make_interval(secs => %(due_s)s)
    FROM unnest(%(tenant)s::bigint[], %(public_id)s::text[], %(subject_kind)s::text[], %(ref)s::text[],
                %(side)s::text[], %(person)s::bigint[], %(account)s::bigint[], %(amount)s::bigint[], %(unit)s::text[])
         AS u (tenant, public_id, subject_kind, ref, side, person, account, amount, unit)
    ON CONFLICT (account) WHERE state <> 'confirmed' DO NOTHING
    RETURNING id, tenant, amount, unit
)
INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
SELECT n.tenant, 'payout', n.id, 1, (SELECT base.clock_now()), clock_timestamp(), 'system', 'create',
       jsonb_build_object('amount', n.amount, 'unit', n.unit), 'internal', (SELECT base.tx())
FROM new n
RETURNING subject_id
