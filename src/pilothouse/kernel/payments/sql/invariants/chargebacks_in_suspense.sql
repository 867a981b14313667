-- A chargeback's own suspense account is short of what it took until it is won or written off as lost
WITH off AS (
    SELECT j.tenant, j.ref_id, sum(x.amount) AS amount FROM journal j JOIN transfer x ON x.journal = j.id
    WHERE j.kind = 'charge_off' GROUP BY j.tenant, j.ref_id
)
SELECT coalesce(c.tenant, o.tenant) AS tenant, coalesce(c.public_id, o.ref_id) AS chargeback, c.state, c.amount,
       a.credits - a.debits AS suspense, o.amount AS written_off
FROM chargeback c
FULL JOIN off o ON o.tenant = c.tenant AND o.ref_id = c.public_id
LEFT JOIN account a ON a.kind = 'suspense' AND a.tenant = c.tenant AND a.ref = c.public_id AND a.unit = c.unit
WHERE (coalesce(a.debits, 0), coalesce(a.credits, 0), coalesce(o.amount, 0))
    IS DISTINCT FROM (c.amount, CASE WHEN c.state = 'open' THEN 0 ELSE c.amount END,
                      CASE WHEN c.state = 'lost' THEN c.amount ELSE 0 END)
