-- What is held is exactly what the open items cost
WITH open_items AS (
    SELECT b.held_account AS account, sum(b.cost) AS cost
    FROM item i JOIN batch b ON b.id = i.batch WHERE i.state IN ('pending', 'running') GROUP BY b.held_account
), legs AS (
    SELECT account, sum(amount) AS balance FROM (
        SELECT t.credit AS account, sum(t.amount) AS amount FROM transfer t GROUP BY t.credit
        UNION ALL
        SELECT t.debit, -sum(t.amount) FROM transfer t GROUP BY t.debit
    ) each_side GROUP BY account
)
SELECT a.tenant, a.id AS account, a.unit, coalesce(l.balance, 0) AS held, coalesce(o.cost, 0) AS open_items
FROM account a LEFT JOIN legs l ON l.account = a.id LEFT JOIN open_items o ON o.account = a.id
WHERE a.kind = 'held' AND coalesce(l.balance, 0) <> coalesce(o.cost, 0)
