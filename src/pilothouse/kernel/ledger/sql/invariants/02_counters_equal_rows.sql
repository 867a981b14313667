-- Every stored counter is the sum of its transfers
WITH legs AS (
    SELECT account, sum(debits) AS debits, sum(credits) AS credits FROM (
        SELECT debit AS account, sum(amount) AS debits, 0 AS credits FROM transfer GROUP BY debit
        UNION ALL
        SELECT credit, 0, sum(amount) FROM transfer GROUP BY credit
    ) each_side GROUP BY account
)
SELECT a.tenant, a.id AS account, a.kind, a.unit, a.debits, a.credits,
       coalesce(l.debits, 0) AS debits_by_rows, coalesce(l.credits, 0) AS credits_by_rows
FROM account a LEFT JOIN legs l ON l.account = a.id
WHERE a.debits <> CASE WHEN a.stored THEN coalesce(l.debits, 0) ELSE 0 END
   OR a.credits <> CASE WHEN a.stored THEN coalesce(l.credits, 0) ELSE 0 END
