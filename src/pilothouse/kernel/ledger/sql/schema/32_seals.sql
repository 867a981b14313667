-- Canonical text of the rows that a seal hashes, format 1 (documented in sealing.py). Instants are whole microseconds
-- since 1970 and numbers are plain, so that no session setting and no library changes one byte.
CREATE INDEX IF NOT EXISTS seal_reached ON seal (stream, to_tx);

CREATE OR REPLACE FUNCTION microseconds(at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT (extract(epoch FROM at) * 1000000)::bigint';

-- The names of both accounts stand in the text, so that an account cannot change its meaning under sealed rows.
CREATE OR REPLACE FUNCTION seal_text(j journal) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(
        'journal', 1, j.id, j.tenant, j.idempotency_key, j.request_hash, j.kind, j.ref_type, j.ref_id, j.request_id,
        j.description, j.terms_hash, microseconds(j.effective_at), microseconds(j.recorded_at), j.actor, j.reverses, j.tx,
        (SELECT coalesce(jsonb_agg(jsonb_build_array(
                    t.id, t.tenant, t.kind, t.amount, t.item, t.debit, d.kind, d.ref, d.unit, t.credit, c.kind, c.ref,
                    c.unit) ORDER BY t.id), '[]'::jsonb)
         FROM transfer t LEFT JOIN account d ON d.id = t.debit LEFT JOIN account c ON c.id = t.credit
         WHERE t.journal = j.id)
    )::text
$$;

-- `data` is hashed as the text that PostgreSQL shows, so that a verifier need not know how to order its keys.
CREATE OR REPLACE FUNCTION seal_text(e event) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(
        'event', 1, e.id, e.tenant, e.subject_kind, e.subject_id, e.seq, microseconds(e.at), microseconds(e.recorded_at),
        e.actor, e.type, e.data::text, e.visibility, e.tx
    )::text
$$;

-- One hash for each row of a stream in the transactions [from_tx, to_tx), of one tenant or of all (NULL).
CREATE OR REPLACE FUNCTION seal_leaves(stream text, from_tx bigint, to_tx bigint, of_tenant bigint)
RETURNS TABLE (tenant bigint, id bigint, tx bigint, leaf bytea) LANGUAGE sql STABLE AS $$
    SELECT j.tenant, j.id, j.tx, sha256(convert_to(seal_text(j), 'UTF8')) FROM journal j
    WHERE seal_leaves.stream = 'ledger' AND j.tx >= seal_leaves.from_tx AND j.tx < seal_leaves.to_tx
      AND (of_tenant IS NULL OR j.tenant = of_tenant)
    UNION ALL
    SELECT e.tenant, e.id, e.tx, sha256(convert_to(seal_text(e), 'UTF8')) FROM event e
    WHERE seal_leaves.stream = 'timeline' AND e.tx >= seal_leaves.from_tx AND e.tx < seal_leaves.to_tx
      AND (of_tenant IS NULL OR e.tenant = of_tenant)
$$;

-- The block's own text stands before its leaves: who, which, from where to where, how many, after what, and when.
CREATE OR REPLACE FUNCTION seal_hash(
    tenant bigint, stream text, n integer, from_tx bigint, to_tx bigint, rows bigint, first_id bigint, last_id bigint,
    previous text, sealed_at timestamptz, leaves bytea
) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        'block', 1, tenant, stream, n, from_tx, to_tx, rows, first_id, last_id, previous, microseconds(sealed_at)
    )::text || E'\n', 'UTF8') || leaves), 'hex')
$$;

-- Every block whose rows, numbers or links are not what was sealed, of one tenant or of all (NULL). Rows that lie below
-- the point up to which the stream was sealed and in no block are named with the number 0.
CREATE OR REPLACE FUNCTION seal_problems(of_tenant bigint)
RETURNS TABLE (tenant bigint, stream text, n integer, problem text) LANGUAGE sql STABLE AS $$
WITH chain AS MATERIALIZED (
    SELECT s.*, row_number() OVER w AS i, lag(s.n) OVER w AS before_n, lag(s.hash) OVER w AS before_hash,
           lag(s.to_tx) OVER w AS before_to
    FROM seal s WHERE of_tenant IS NULL OR s.tenant = of_tenant
    WINDOW w AS (PARTITION BY s.tenant, s.stream ORDER BY s.from_tx, s.n)
), marks AS MATERIALIZED (
    SELECT c.tenant, c.stream, array_agg(c.from_tx ORDER BY c.i) AS starts, array_agg(c.to_tx ORDER BY c.i) AS ends,
           max(c.to_tx) AS top
    FROM chain c GROUP BY c.tenant, c.stream
), reached AS MATERIALIZED (
    SELECT k.stream, coalesce((SELECT max(s.to_tx) FROM seal s WHERE s.stream = k.stream), 0) AS top
    FROM (VALUES ('ledger'), ('timeline')) AS k (stream)
), placed AS (
    SELECT l.tenant, r.stream, l.id, l.leaf,
           -- A row in a gap counts for no block: the missing block is what is reported.
           CASE WHEN l.tx >= coalesce(m.top, 0) THEN 0
                WHEN l.tx < m.ends[width_bucket(l.tx, m.starts)] THEN width_bucket(l.tx, m.starts) END AS i
    FROM reached r
    CROSS JOIN LATERAL seal_leaves(r.stream, 0, r.top, of_tenant) l
    LEFT JOIN marks m ON m.tenant = l.tenant AND m.stream = r.stream
), content AS MATERIALIZED (
    SELECT p.tenant, p.stream, p.i, count(*) AS rows, min(p.id) AS first_id, max(p.id) AS last_id,
           string_agg(p.leaf, ''::bytea ORDER BY p.id) AS leaves
    FROM placed p GROUP BY p.tenant, p.stream, p.i
), judged AS (
    SELECT c.tenant, c.stream, c.n,
        CASE
            WHEN c.n <> coalesce(c.before_n, 0) + 1 OR c.from_tx <> coalesce(c.before_to, 0) THEN 'block_missing'
            WHEN c.previous <> coalesce(c.before_hash, '') THEN 'link_broken'
            WHEN coalesce(k.rows, 0) < c.rows THEN 'rows_deleted'
            WHEN k.rows > c.rows THEN 'rows_inserted'
            WHEN c.hash <> seal_hash(c.tenant, c.stream, c.n, c.from_tx, c.to_tx, c.rows, c.first_id, c.last_id,
                                     c.previous, c.sealed_at, k.leaves) THEN 'rows_changed'
        END AS problem
    FROM chain c LEFT JOIN content k ON k.tenant = c.tenant AND k.stream = c.stream AND k.i = c.i
    UNION ALL
    SELECT k.tenant, k.stream, 0, 'rows_inserted' FROM content k WHERE k.i = 0
)
SELECT j.tenant, j.stream, j.n, j.problem FROM judged j WHERE j.problem IS NOT NULL ORDER BY 1, 2, 3
$$;

-- What a copy of the database may be compared with: the end of each chain.
CREATE OR REPLACE FUNCTION seal_heads() RETURNS TABLE (tenant text, stream text, n integer, hash text, to_tx bigint)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (s.tenant, s.stream) t.public_id, s.stream, s.n, s.hash, s.to_tx
    FROM seal s JOIN tenant t ON t.id = s.tenant ORDER BY s.tenant, s.stream, s.n DESC
$$;

-- machine time: a seal says when it was made, whatever the business clock shows.
-- One block for each tenant with unsealed rows of finished transactions. In order: the range is the same for all
-- tenants (from where the stream was sealed up to the horizon, or up to a whole transaction after `limit` rows), so
-- that nothing below its end stays unsealed; the rows are hashed; each block continues its tenant's chain; with a block of
-- the ledger go the balances of the days that its journals changed.
CREATE OR REPLACE FUNCTION seal_stream(of_stream text, block_rows bigint, of_format smallint)
RETURNS TABLE (tenant bigint, stream text, n integer, rows bigint, hash text) LANGUAGE sql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
WITH span AS MATERIALIZED (
    SELECT w.from_tx, least(
        (SELECT base.tx_horizon()),
        CASE of_stream
            WHEN 'ledger' THEN (SELECT j.tx + 1 FROM journal j WHERE j.tx >= w.from_tx
                                ORDER BY j.tx OFFSET block_rows - 1 LIMIT 1)
            ELSE (SELECT e.tx + 1 FROM event e WHERE e.tx >= w.from_tx ORDER BY e.tx OFFSET block_rows - 1 LIMIT 1)
        END) AS to_tx
    FROM (SELECT coalesce(max(s.to_tx), 0) AS from_tx FROM seal s WHERE s.stream = of_stream) w
), blocks AS MATERIALIZED (
    SELECT l.tenant, s.to_tx, count(*) AS rows, min(l.id) AS first_id, max(l.id) AS last_id,
           string_agg(l.leaf, ''::bytea ORDER BY l.id) AS leaves
    FROM span s CROSS JOIN LATERAL seal_leaves(of_stream, s.from_tx, s.to_tx, NULL) l
    GROUP BY l.tenant, s.to_tx
), next AS MATERIALIZED (
    SELECT b.*, coalesce(h.n, 0) + 1 AS n, coalesce(h.to_tx, 0) AS from_tx, coalesce(h.hash, '') AS previous,
           date_trunc('microseconds', clock_timestamp()) AS sealed_at
    FROM blocks b
    LEFT JOIN LATERAL (
        SELECT s.n, s.to_tx, s.hash FROM seal s WHERE s.tenant = b.tenant AND s.stream = of_stream
        ORDER BY s.n DESC LIMIT 1
    ) h ON true
), moved AS (
    -- New journals first, then one after the other (OFFSET 0): a planner that does not know how few are new would read
    -- all there ever were.
    SELECT j.tenant, x.unit, (j.effective_at AT TIME ZONE 'UTC')::date AS day, s.to_tx,
           max(max(j.recorded_at)) OVER (PARTITION BY j.tenant, x.unit) AS recorded_to,
           sum(x.available) AS available, sum(x.held) AS held
    FROM span s
    CROSS JOIN LATERAL (SELECT * FROM journal n WHERE n.tx >= s.from_tx AND n.tx < s.to_tx OFFSET 0) j
    CROSS JOIN LATERAL (
        SELECT d.unit,
               CASE WHEN c.kind = 'wallet' THEN t.amount ELSE 0 END
                 - CASE WHEN d.kind = 'wallet' THEN t.amount ELSE 0 END AS available,
               CASE WHEN c.kind = 'held' THEN t.amount ELSE 0 END
                 - CASE WHEN d.kind = 'held' THEN t.amount ELSE 0 END AS held
        FROM transfer t JOIN account d ON d.id = t.debit JOIN account c ON c.id = t.credit
        WHERE t.journal = j.id AND (d.kind IN ('wallet', 'held') OR c.kind IN ('wallet', 'held'))
        OFFSET 0
    ) x
    WHERE of_stream = 'ledger'
    GROUP BY j.tenant, x.unit, day, s.to_tx
), days AS (
    INSERT INTO sealed_day (tenant, unit, day, to_tx, recorded_to, available, held)
    SELECT m.tenant, m.unit, m.day, m.to_tx, greatest(m.recorded_to, n.recorded_to),
           m.available + coalesce(o.available, 0), m.held + coalesce(o.held, 0)
    FROM moved m
    LEFT JOIN LATERAL (
        SELECT p.available, p.held FROM sealed_day p WHERE p.tenant = m.tenant AND p.unit = m.unit AND p.day = m.day
        ORDER BY p.to_tx DESC LIMIT 1
    ) o ON true
    LEFT JOIN LATERAL (
        SELECT p.recorded_to FROM sealed_day p WHERE p.tenant = m.tenant AND p.unit = m.unit
        ORDER BY p.to_tx DESC LIMIT 1
    ) n ON true
)
INSERT INTO seal (tenant, stream, n, from_tx, to_tx, rows, first_id, last_id, format, previous, hash, sealed_at)
SELECT x.tenant, of_stream, x.n, x.from_tx, x.to_tx, x.rows, x.first_id, x.last_id, of_format, x.previous,
       seal_hash(x.tenant, of_stream, x.n, x.from_tx, x.to_tx, x.rows, x.first_id, x.last_id, x.previous, x.sealed_at,
                 x.leaves),
       x.sealed_at
FROM next x ORDER BY x.tenant
RETURNING seal.tenant, seal.stream, seal.n, seal.rows, seal.hash;
$$;
ALTER FUNCTION seal_stream(text, bigint, smallint) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION seal_stream(text, bigint, smallint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION seal_stream(text, bigint, smallint) TO ph_worker;

-- What an export does first: seal the money that is finished, for everybody, and tell nothing of it. A worker that seals
-- at this moment is waited for; each pass then sees in a new snapshot what the one before has sealed.
CREATE OR REPLACE FUNCTION seal_ledger_now(block_rows bigint, of_format smallint, passes integer) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('pilothouse seal'));
    FOR pass IN 1..least(passes, 100) LOOP
        PERFORM FROM seal_stream('ledger', greatest(block_rows, 1000), of_format);
        EXIT WHEN NOT FOUND;
    END LOOP;
END $$;
ALTER FUNCTION seal_ledger_now(bigint, smallint, integer) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION seal_ledger_now(bigint, smallint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION seal_ledger_now(bigint, smallint, integer) TO ph_app, ph_ops, ph_worker;
