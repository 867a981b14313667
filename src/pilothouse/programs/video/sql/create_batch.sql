-- One batch whole or not at all: the batch, what was asked, its items, one journal, one reservation for each item, its deadline and
-- its first event. The posting trigger moves the wallet last; the CHECK on it refuses what the wallet does not hold.
WITH new_batch AS (
    INSERT INTO batch (tenant, public_id, kind, mode, state, request_id, request_hash, entry, created_by, unit, cost,
                       terms_hash, fingerprint, versions, webhook_url, total, pending_count, reserved, wallet_account,
                       held_account, earned_account, created_at, deadline_at)
    VALUES (%(tenant)s, %(public_id)s, %(kind)s, %(mode)s, 'pending', %(request_id)s, %(request_hash)s, %(entry)s,
            %(actor)s, %(unit)s, %(cost)s, %(terms_hash)s, %(fingerprint)s, %(versions)s::jsonb, %(webhook_url)s, %(total)s, %(total)s,
            %(total)s * %(cost)s, %(wallet)s, %(held)s, %(earned)s, (SELECT base.clock_now()),
            (SELECT base.clock_now()) + make_interval(secs => %(deadline_s)s))
    RETURNING id, created_at, deadline_at
), asked AS (
    INSERT INTO batch_request (tenant, batch, given, given_sha256)
    SELECT %(tenant)s, b.id, %(given)s, %(given_sha256)s FROM new_batch b
), new_items AS (
    INSERT INTO item (tenant, public_id, batch, position, state, params, metadata, image, image_sha256, fingerprint,
                      next_run_at,
                      created_at)
    SELECT %(tenant)s, u.public_id, b.id, u.position, 'pending', u.params, u.metadata, u.image, u.image_sha256,
           u.fingerprint, b.created_at, b.created_at
    FROM new_batch b,
         unnest(%(item_ids)s::text[], %(params)s::jsonb[], %(metadata)s::jsonb[], %(images)s::text[],
                %(image_hashes)s::text[], %(fingerprints)s::text[])
         WITH ORDINALITY AS u (public_id, params, metadata, image, image_sha256, fingerprint, position)
    ORDER BY u.position
    RETURNING id
), new_journal AS (
    INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, request_id, description,
                         terms_hash, effective_at, recorded_at, actor, tx)
    SELECT %(tenant)s, 'reserve:' || %(public_id)s, %(request_hash)s, 'reserve', 'batch', %(public_id)s,
           %(request_id)s, 'Reserved (initial)', %(terms_hash)s, b.created_at, clock_timestamp(), %(actor)s,
           (SELECT base.tx())
    FROM new_batch b
    RETURNING id
), reserved AS (
    INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)
    SELECT %(tenant)s, j.id, %(wallet)s, %(held)s, %(cost)s, 'reserve', i.id FROM new_journal j, new_items i
), deadline AS (
    INSERT INTO timer (tenant, subject_kind, subject_id, name, state, due_at, armed_at, error)
    SELECT %(tenant)s, 'batch', b.id, 'batch_deadline', 'armed', b.deadline_at, b.created_at, '' FROM new_batch b
), told AS (
    INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
    SELECT %(tenant)s, 'batch', b.id, 1, b.created_at, clock_timestamp(), %(actor)s, 'create',
           jsonb_build_object('items', %(total)s, 'reserved', %(total)s * %(cost)s, 'unit', %(unit)s, 'entry', %(entry)s),
           'customer', (SELECT base.tx())
    FROM new_batch b
)
SELECT id FROM new_batch
