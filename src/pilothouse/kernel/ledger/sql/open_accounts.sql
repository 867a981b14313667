-- Opens the accounts that are missing and returns all of them with what each holds, in the order asked for.
WITH wanted AS (
    SELECT u.kind, u.ref, u.unit, u.position
    FROM unnest(%(kinds)s::text[], %(refs)s::text[], %(units)s::text[]) WITH ORDINALITY AS u (kind, ref, unit, position)
), opened AS (
    INSERT INTO account (tenant, kind, ref, unit)
    SELECT %(tenant)s, w.kind, w.ref, w.unit FROM wanted w
    WHERE NOT EXISTS (
        SELECT FROM account a
        WHERE a.tenant = %(tenant)s AND a.kind = w.kind AND a.ref = w.ref AND a.unit = w.unit
    )
    ORDER BY w.kind, w.ref, w.unit
    ON CONFLICT (tenant, kind, ref, unit) DO NOTHING
    RETURNING id, kind, ref, unit
)
SELECT coalesce(o.id, a.id) AS id, coalesce(a.credits - a.debits, 0) AS holds
FROM wanted w
LEFT JOIN opened o ON o.kind = w.kind AND o.ref = w.ref AND o.unit = w.unit
LEFT JOIN account a ON a.tenant = %(tenant)s AND a.kind = w.kind AND a.ref = w.ref AND a.unit = w.unit
ORDER BY w.position
