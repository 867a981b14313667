-- No row was recorded after the block that seals it
WITH marks AS MATERIALIZED (
    SELECT s.tenant, s.stream, array_agg(s.from_tx ORDER BY s.from_tx) AS starts, max(s.to_tx) AS top,
           array_agg(s.sealed_at ORDER BY s.from_tx) AS sealed, array_agg(s.n ORDER BY s.from_tx) AS numbers
    FROM seal s GROUP BY s.tenant, s.stream
), rows AS (
    SELECT j.tenant, 'ledger' AS stream, j.id, j.tx, j.recorded_at FROM journal j
    UNION ALL
    SELECT e.tenant, 'timeline', e.id, e.tx, e.recorded_at FROM event e
)
SELECT r.tenant, r.stream, r.id, m.numbers[width_bucket(r.tx, m.starts)] AS block
FROM rows r JOIN marks m ON m.tenant = r.tenant AND m.stream = r.stream
WHERE r.tx < m.top AND r.recorded_at > m.sealed[width_bucket(r.tx, m.starts)]
