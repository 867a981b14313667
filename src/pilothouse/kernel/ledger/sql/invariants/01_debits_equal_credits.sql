-- Debits equal credits for each tenant: both accounts of every transfer exist and are the tenant's
SELECT t.tenant, sum(t.amount) FILTER (WHERE d.id IS NOT NULL) AS debits,
       sum(t.amount) FILTER (WHERE c.id IS NOT NULL) AS credits,
       min(t.id) FILTER (WHERE d.id IS NULL OR c.id IS NULL) AS first_transfer
FROM transfer t
LEFT JOIN account d ON d.id = t.debit AND d.tenant = t.tenant
LEFT JOIN account c ON c.id = t.credit AND c.tenant = t.tenant
GROUP BY t.tenant
HAVING count(*) FILTER (WHERE d.id IS NULL OR c.id IS NULL) > 0
