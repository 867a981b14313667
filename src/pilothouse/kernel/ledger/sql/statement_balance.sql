-- What wallet and holds were before an instant of business time, in a cut: the sealed balances of the whole days before it,
-- the sealed rows of its own day, and the rows that are not sealed yet. The days are found by one step of the index each.
WITH RECURSIVE days AS (
    (SELECT day FROM sealed_day WHERE tenant = %(tenant)s AND unit = %(unit)s AND day < %(day)s
     ORDER BY day DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT s.day FROM sealed_day s WHERE s.tenant = %(tenant)s AND s.unit = %(unit)s AND s.day < d.day
            ORDER BY s.day DESC LIMIT 1)
    FROM days d WHERE d.day IS NOT NULL
), folded AS (
    SELECT id FROM journal
    WHERE tenant = %(tenant)s AND effective_at >= %(day_begins)s AND effective_at < %(before)s AND tx < %(through)s
    UNION ALL
    SELECT id FROM journal
    WHERE tenant = %(tenant)s AND effective_at < %(before)s AND recorded_at <= %(as_of)s
      AND tx >= %(through)s AND tx < %(high)s AND (tx < %(low)s OR tx <> ALL(%(open)s::bigint[]))
), parts AS (
    SELECT s.available, s.held
    FROM days d CROSS JOIN LATERAL (
        SELECT s.available, s.held FROM sealed_day s
        WHERE s.tenant = %(tenant)s AND s.unit = %(unit)s AND s.day = d.day AND s.to_tx <= %(through)s
        ORDER BY s.to_tx DESC LIMIT 1
    ) s
    UNION ALL
    SELECT x.available, x.held
    FROM folded f CROSS JOIN LATERAL (
        SELECT CASE WHEN c.kind = 'wallet' THEN t.amount ELSE 0 END
                 - CASE WHEN d.kind = 'wallet' THEN t.amount ELSE 0 END AS available,
               CASE WHEN c.kind = 'held' THEN t.amount ELSE 0 END
                 - CASE WHEN d.kind = 'held' THEN t.amount ELSE 0 END AS held
        FROM transfer t JOIN account d ON d.id = t.debit JOIN account c ON c.id = t.credit
        WHERE t.journal = f.id AND d.unit = %(unit)s
        OFFSET 0  -- journal by journal: few are not sealed, and a planner that does not know would read every transfer
    ) x
)
SELECT coalesce(sum(available), 0)::bigint AS available, coalesce(sum(held), 0)::bigint AS held FROM parts
