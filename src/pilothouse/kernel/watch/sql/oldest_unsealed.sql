-- The age of the oldest row of money or of history that no block holds yet; null when all are sealed.
WITH sealed AS (
    SELECT tenant, stream, max(to_tx) AS to_tx FROM seal GROUP BY tenant, stream
), waiting AS (
    SELECT j.recorded_at FROM journal j LEFT JOIN sealed s ON s.tenant = j.tenant AND s.stream = 'ledger'
    WHERE j.tx >= coalesce(s.to_tx, 0)
    UNION ALL
    SELECT e.recorded_at FROM event e LEFT JOIN sealed s ON s.tenant = e.tenant AND s.stream = 'timeline'
    WHERE e.tx >= coalesce(s.to_tx, 0)
)
SELECT extract(epoch FROM statement_timestamp() - min(recorded_at))::float AS age_s,
       (SELECT count(*) FROM seal) > 0 AS any_sealed
FROM waiting
