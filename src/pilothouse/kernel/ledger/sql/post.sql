-- One journal with its transfers. When the key was used before, no row comes back and nothing is posted.
WITH new AS (
    INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, request_id, description,
                         terms_hash, effective_at, recorded_at, actor, reverses, tx)
    VALUES (%(tenant)s, %(key)s, %(request_hash)s, %(kind)s, %(ref_type)s, %(ref_id)s, %(request_id)s,
            %(description)s, %(terms_hash)s, (SELECT base.clock_now()), clock_timestamp(), %(actor)s, %(reverses)s,
            (SELECT base.tx()))
    ON CONFLICT (tenant, idempotency_key) DO NOTHING
    RETURNING id
), posted AS (
    INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)
    SELECT %(tenant)s, new.id, u.debit, u.credit, u.amount, %(kind)s, u.item
    FROM new, unnest(%(debits)s::bigint[], %(credits)s::bigint[], %(amounts)s::bigint[], %(items)s::bigint[])
         AS u (debit, credit, amount, item)
)
SELECT id FROM new
