-- The sealed rows of one account as their sealed texts, block by block and in each by id, as the seals hash them. What the
-- reader may not see stands as its hash alone.
SELECT s.stream, s.n, r.id, r.line
FROM seal s CROSS JOIN LATERAL (
    SELECT j.id, seal_text(j) AS line FROM journal j
    WHERE s.stream = 'ledger' AND j.tenant = s.tenant AND j.tx >= s.from_tx AND j.tx < s.to_tx
    UNION ALL
    SELECT e.id, CASE WHEN %(all)s OR e.visibility = 'customer' THEN seal_text(e)
                      ELSE '#' || encode(sha256(convert_to(seal_text(e), 'UTF8')), 'hex') END
    FROM event e
    WHERE s.stream = 'timeline' AND e.tenant = s.tenant AND e.tx >= s.from_tx AND e.tx < s.to_tx
) r
WHERE s.tenant = %(tenant)s ORDER BY s.stream, s.n, r.id
