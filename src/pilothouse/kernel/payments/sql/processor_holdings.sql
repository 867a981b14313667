-- held_by_processor.sql for every account and currency, where it is not nothing.
SELECT t.public_id AS tenant, t.name, m.unit, sum(m.amount)::bigint AS held
FROM (
    SELECT p.tenant, p.unit, p.amount FROM payment p WHERE p.source = 'stripe'
    UNION ALL
    SELECT r.tenant, p.unit, -r.amount FROM payment_return r JOIN payment p ON p.id = r.payment_id WHERE r.way = 'stripe'
    UNION ALL
    SELECT c.tenant, c.unit, -c.amount FROM chargeback c WHERE c.state <> 'won'
    UNION ALL
    SELECT s.tenant, s.unit, -(s.amount + s.fees) FROM processor_settlement s
) m JOIN tenant t ON t.id = m.tenant
GROUP BY t.public_id, t.name, m.unit HAVING sum(m.amount) <> 0
ORDER BY t.name, t.public_id, m.unit LIMIT %(count)s
