-- machine time: a seal says when it was made, whatever the business clock shows.
-- One block for each tenant with unsealed rows of finished transactions. In order: the range is the same for all
-- tenants (from where the stream was sealed up to the horizon, or up to a whole transaction after `limit` rows), so
-- that nothing below its end stays unsealed; the rows are hashed; each block continues its tenant's chain.
WITH span AS MATERIALIZED (
    SELECT w.from_tx, least(
        (SELECT base.tx_horizon()),
        CASE %(stream)s
            WHEN 'ledger' THEN (SELECT j.tx + 1 FROM journal j WHERE j.tx >= w.from_tx
                                ORDER BY j.tx OFFSET %(limit)s - 1 LIMIT 1)
            ELSE (SELECT e.tx + 1 FROM event e WHERE e.tx >= w.from_tx ORDER BY e.tx OFFSET %(limit)s - 1 LIMIT 1)
        END) AS to_tx
    FROM (SELECT coalesce(max(s.to_tx), 0) AS from_tx FROM seal s WHERE s.stream = %(stream)s) w
), blocks AS MATERIALIZED (
    SELECT l.tenant, s.to_tx, count(*) AS rows, min(l.id) AS first_id, max(l.id) AS last_id,
           string_agg(l.leaf, ''::bytea ORDER BY l.id) AS leaves
    FROM span s CROSS JOIN LATERAL seal_leaves(%(stream)s, s.from_tx, s.to_tx, NULL) l
    GROUP BY l.tenant, s.to_tx
), next AS MATERIALIZED (
    SELECT b.*, coalesce(h.n, 0) + 1 AS n, coalesce(h.to_tx, 0) AS from_tx, coalesce(h.hash, '') AS previous,
           date_trunc('microseconds', clock_timestamp()) AS sealed_at
    FROM blocks b
    LEFT JOIN LATERAL (
        SELECT s.n, s.to_tx, s.hash FROM seal s WHERE s.tenant = b.tenant AND s.stream = %(stream)s
        ORDER BY s.n DESC LIMIT 1
    ) h ON true
)
INSERT INTO seal (tenant, stream, n, from_tx, to_tx, rows, first_id, last_id, format, previous, hash, sealed_at)
SELECT x.tenant, %(stream)s, x.n, x.from_tx, x.to_tx, x.rows, x.first_id, x.last_id, %(format)s, x.previous,
       seal_hash(x.tenant, %(stream)s, x.n, x.from_tx, x.to_tx, x.rows, x.first_id, x.last_id, x.previous, x.sealed_at,
                 x.leaves),
       x.sealed_at
FROM next x ORDER BY x.tenant
RETURNING tenant, stream, n, rows, hash
