-- What the card processor paid to our bank and kept as fees stands once in each, row and ledger
WITH collected AS (
    SELECT j.tenant, j.ref_id, coalesce(sum(x.amount) FILTER (WHERE d.kind = 'world_bank'), 0) AS amount,
           coalesce(sum(x.amount) FILTER (WHERE d.kind = 'processor_fees'), 0) AS fees
    FROM journal j JOIN transfer x ON x.journal = j.id JOIN account d ON d.id = x.debit
    WHERE j.kind = 'collect' GROUP BY j.tenant, j.ref_id
)
SELECT coalesce(s.tenant, c.tenant) AS tenant, coalesce(s.public_id, c.ref_id) AS settlement, s.amount, s.fees,
       c.amount AS collected, c.fees AS fees_by_rows
FROM processor_settlement s FULL JOIN collected c ON c.tenant = s.tenant AND c.ref_id = s.public_id
WHERE (s.amount, s.fees) IS DISTINCT FROM (c.amount, c.fees)
