-- What lies in suspense is exactly the rest of each payment: received once, and gone only to what it paid or back
WITH sent AS (
    SELECT j.tenant, j.ref_id, sum(x.amount) AS amount FROM journal j JOIN transfer x ON x.journal = j.id
    WHERE j.kind = 'send_back' GROUP BY j.tenant, j.ref_id
), written AS (
    SELECT r.payment_id, sum(r.amount) AS amount FROM payment_return r GROUP BY r.payment_id
)
SELECT coalesce(a.tenant, p.tenant) AS tenant, coalesce(p.public_id, a.ref) AS payment, a.credits AS came, a.debits AS went,
       p.amount, p.matched, p.returned, s.amount AS sent_back, w.amount AS written
FROM (SELECT * FROM account WHERE kind = 'suspense') a
FULL JOIN payment p ON p.tenant = a.tenant AND p.public_id = a.ref AND p.unit = a.unit
LEFT JOIN sent s ON s.tenant = p.tenant AND s.ref_id = p.public_id
LEFT JOIN written w ON w.payment_id = p.id
WHERE NOT (p.id IS NULL AND EXISTS (SELECT FROM chargeback c WHERE c.tenant = a.tenant AND c.public_id = a.ref))
  AND (coalesce(a.credits, 0), coalesce(a.debits, 0), coalesce(s.amount, 0), coalesce(w.amount, 0)) IS DISTINCT FROM
      (coalesce(p.amount, 0), coalesce(p.matched + p.returned, 0), coalesce(p.returned, 0), coalesce(p.returned, 0))
