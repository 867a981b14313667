-- A row for each file and unit.
WITH open AS (
    SELECT p.bank_file, count(*) AS unsent FROM payout p
    WHERE p.state = 'due' AND p.bank_file <> ''
    GROUP BY p.bank_file
), shown AS (
    SELECT f.id, f.public_id, f.filed_at, f.filed_by, f.payouts, o.unsent
    FROM open o JOIN bank_file f ON f.public_id = o.bank_file
    WHERE %(search)s = '' OR f.public_id = %(search)s OR f.filed_by ILIKE '%%' || %(search)s || '%%'
       OR EXISTS (SELECT FROM payout p WHERE p.bank_file = f.public_id AND p.public_id = %(search)s)
    ORDER BY f.id LIMIT %(count)s OFFSET %(skip)s
)
SELECT s.public_id, s.filed_at, s.filed_by, s.payouts, s.unsent, p.unit, sum(p.amount)::bigint AS amount
FROM shown s JOIN payout p ON p.bank_file = s.public_id AND p.state = 'due'
GROUP BY s.id, s.public_id, s.filed_at, s.filed_by, s.payouts, s.unsent, p.unit
ORDER BY s.id, p.unit
