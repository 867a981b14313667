-- Every sealed balance of a day is the sum of its transfers
WITH reached AS MATERIALIZED (
    SELECT s.tenant, s.unit, max(s.to_tx) AS to_tx FROM sealed_day s GROUP BY s.tenant, s.unit
), stored AS (
    SELECT DISTINCT ON (s.tenant, s.unit, s.day) s.tenant, s.unit, s.day, s.available, s.held
    FROM sealed_day s ORDER BY s.tenant, s.unit, s.day, s.to_tx DESC
), folded AS (
    SELECT j.tenant, d.unit, (j.effective_at AT TIME ZONE 'UTC')::date AS day,
           sum(CASE WHEN c.kind = 'wallet' THEN x.amount ELSE 0 END
             - CASE WHEN d.kind = 'wallet' THEN x.amount ELSE 0 END) AS available,
           sum(CASE WHEN c.kind = 'held' THEN x.amount ELSE 0 END
             - CASE WHEN d.kind = 'held' THEN x.amount ELSE 0 END) AS held
    FROM journal j JOIN transfer x ON x.journal = j.id
    JOIN account d ON d.id = x.debit JOIN account c ON c.id = x.credit
    JOIN reached r ON r.tenant = j.tenant AND r.unit = d.unit AND j.tx < r.to_tx
    WHERE d.kind IN ('wallet', 'held') OR c.kind IN ('wallet', 'held')
    GROUP BY j.tenant, d.unit, day
)
SELECT tenant, unit, day, s.available, s.held, f.available AS available_by_rows, f.held AS held_by_rows
FROM stored s FULL JOIN folded f USING (tenant, unit, day)
WHERE (s.available, s.held) IS DISTINCT FROM (f.available, f.held)
