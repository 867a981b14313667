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
