-- What lies in suspense is exactly the rest of the payments that wait
WITH rests AS (
    SELECT p.tenant, p.unit, sum(p.amount - p.matched - p.returned) AS rest FROM payment p GROUP BY p.tenant, p.unit
)
SELECT coalesce(a.tenant, r.tenant) AS tenant, coalesce(a.unit, r.unit) AS unit, a.credits - a.debits AS suspense, r.rest
FROM (SELECT * FROM account WHERE kind = 'suspense' AND ref = '') a
FULL JOIN rests r ON r.tenant = a.tenant AND r.unit = a.unit
WHERE coalesce(a.credits - a.debits, 0) <> coalesce(r.rest, 0)
