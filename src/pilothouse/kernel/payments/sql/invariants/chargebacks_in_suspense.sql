-- What a chargeback's own suspense account is short of is exactly what it took, until it is won
SELECT coalesce(a.tenant, c.tenant) AS tenant, coalesce(a.ref, c.public_id) AS chargeback, a.credits - a.debits AS suspense,
       c.state, c.amount
FROM (SELECT * FROM account WHERE kind = 'suspense' AND ref <> '') a
FULL JOIN chargeback c ON c.tenant = a.tenant AND c.public_id = a.ref
WHERE coalesce(a.credits - a.debits, 0) <> CASE WHEN c.state = 'won' THEN 0 ELSE -coalesce(c.amount, 0) END
