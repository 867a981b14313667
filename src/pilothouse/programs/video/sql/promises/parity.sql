-- Promise 4, parity: what was asked for, and what it was normalised to, has under the same versions the same fingerprint
-- whatever the entry point; the same fingerprint on the embedded provider has the same bytes; and the webhook, the batch
-- and the ledger say the same numbers. (That each normal form and each fingerprint is the right one is computed again in
-- promises.py.)
WITH b AS (
    SELECT * FROM batch WHERE %(batches)s::bigint[] IS NULL OR id = ANY(%(batches)s::bigint[])
), i AS (
    SELECT i.*, b.public_id AS batch_public_id, b.versions, b.entry FROM item i JOIN b ON b.id = i.batch
), asked AS (
    SELECT b.id, b.tenant, b.public_id, b.total, r.given_sha256,
           r.given_sha256 = encode(sha256(convert_to(r.given, 'UTF8')), 'hex') AS whole,
           json_or_null(convert_to(r.given, 'UTF8')) AS given
    FROM b LEFT JOIN batch_request r ON r.batch = b.id AND r.tenant = b.tenant
), asked_items AS (
    SELECT a.id AS batch, g.item, g.position
    FROM asked a CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(a.given) WHEN 'array' THEN a.given END)
         WITH ORDINALITY AS g (item, position)
), told AS (
    SELECT m.subject_id AS batch, m.body_sha256 = encode(sha256(m.body), 'hex') AS whole, json_or_null(m.body) AS body
    FROM b JOIN message m ON m.tenant = b.tenant AND m.subject_kind = 'batch' AND m.subject_id = b.id
                         AND m.type = 'batch.completed'
), moved AS (
    -- Two halves, because each has its own unique index on the item.
    SELECT i.batch, t.item, t.kind, t.amount FROM i JOIN transfer t ON t.item = i.id AND t.kind = 'reserve'
    UNION ALL
    SELECT i.batch, t.item, t.kind, t.amount FROM i JOIN transfer t ON t.item = i.id AND t.kind IN ('refund', 'settle')
), sums AS (
    SELECT t.batch,
           coalesce(sum(t.amount) FILTER (WHERE t.kind = 'reserve'), 0) AS reserved,
           coalesce(sum(t.amount) FILTER (WHERE t.kind = 'settle'), 0) AS settled,
           coalesce(sum(t.amount) FILTER (WHERE t.kind = 'refund'), 0) AS refunded,
           count(DISTINCT t.item) FILTER (WHERE t.kind = 'settle') AS succeeded,
           count(DISTINCT t.item) FILTER (WHERE t.kind = 'refund') AS failed
    FROM moved t GROUP BY t.batch
)
SELECT min(i.tenant) AS tenant, min(i.batch_public_id) AS batch, min(i.public_id) AS item,
       'equal parameters have ' || count(DISTINCT i.fingerprint) || ' fingerprints, through '
       || string_agg(DISTINCT i.entry, ', ') AS what
FROM i GROUP BY i.params, i.image_sha256, i.versions HAVING count(DISTINCT i.fingerprint) > 1
UNION ALL
SELECT min(i.tenant), min(i.batch_public_id), min(i.public_id),
       'equal fingerprints have ' || count(DISTINCT coalesce(i.media_sha256, '')) || ' different media, through '
       || string_agg(DISTINCT i.entry, ', ')
FROM i WHERE i.provider = 'local' AND i.state = 'succeeded'
GROUP BY i.fingerprint HAVING count(DISTINCT coalesce(i.media_sha256, '')) > 1
UNION ALL
SELECT b.tenant, b.public_id, NULL, 'the webhook, the batch and the ledger say different numbers: '
       || coalesce(t.body::text, 'no JSON')
FROM b JOIN told t ON t.batch = b.id LEFT JOIN sums s ON s.batch = b.id
WHERE t.whole IS NOT TRUE
   OR t.body ->> 'event' IS DISTINCT FROM 'batch.completed'
   OR t.body ->> 'batch_id' IS DISTINCT FROM b.public_id
   OR t.body ->> 'request_id' IS DISTINCT FROM b.request_id
   OR t.body -> 'summary' IS DISTINCT FROM
      jsonb_build_object('total', b.total, 'succeeded', b.succeeded_count, 'failed', b.failed_count)
   OR t.body -> 'ledger' IS DISTINCT FROM
      jsonb_build_object('reserved', b.reserved, 'settled', b.settled, 'refunded', b.refunded)
   OR (b.reserved, b.settled, b.refunded, b.succeeded_count, b.failed_count)
      IS DISTINCT FROM (s.reserved, s.settled, s.refunded, s.succeeded, s.failed)
UNION ALL
SELECT a.tenant, a.public_id, NULL, 'what was asked for is lost or was changed'
FROM asked a
WHERE a.whole IS NOT TRUE OR a.total <> (SELECT count(*) FROM asked_items g WHERE g.batch = a.id)
UNION ALL
-- Also against batches of other days and tenants: what was asked for is found by its hash.
SELECT min(o.tenant), min(o.public_id), NULL,
       'one request as given has ' || count(DISTINCT o.fingerprint) || ' fingerprints, through '
       || string_agg(DISTINCT o.entry, ', ')
FROM (SELECT DISTINCT given_sha256 FROM asked) a JOIN batch_request r ON r.given_sha256 = a.given_sha256
JOIN batch o ON o.id = r.batch AND o.tenant = r.tenant
GROUP BY r.given_sha256, o.versions, o.terms_hash HAVING count(DISTINCT o.fingerprint) > 1
UNION ALL
SELECT min(i.tenant), min(i.batch_public_id), min(i.public_id),
       'one item as given has ' || count(DISTINCT i.fingerprint) || ' fingerprints, through '
       || string_agg(DISTINCT i.entry, ', ')
FROM asked_items g JOIN i ON i.batch = g.batch AND i.position = g.position
GROUP BY g.item, i.versions HAVING count(DISTINCT i.fingerprint) > 1
