-- No wallet or holding account is below its floor, by its rows
WITH legs AS (
    SELECT account, sum(amount) AS balance FROM (
        SELECT credit AS account, sum(amount) AS amount FROM transfer GROUP BY credit
        UNION ALL
        SELECT debit, -sum(amount) FROM transfer GROUP BY debit
    ) each_side GROUP BY account
)
SELECT a.tenant, a.id AS account, a.kind, a.unit, coalesce(l.balance, 0) AS balance, a.floor
FROM account a LEFT JOIN legs l ON l.account = a.id
WHERE (a.kind IN ('wallet', 'held', 'escrow') AND a.floor IS DISTINCT FROM 0) OR coalesce(l.balance, 0) < a.floor
