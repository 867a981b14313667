-- An open payout is never more than its account owes, and what left an account is exactly its confirmed payouts
SELECT a.tenant, a.ref, a.kind, a.debits AS gone, coalesce(p.confirmed, 0) AS confirmed, a.credits - a.debits AS owed, p.open
FROM account a
LEFT JOIN (
    SELECT account, coalesce(sum(amount) FILTER (WHERE state = 'confirmed'), 0) AS confirmed,
           coalesce(sum(amount) FILTER (WHERE state <> 'confirmed'), 0) AS open
    FROM payout GROUP BY account
) p ON p.account = a.id
WHERE a.kind IN ('payable', 'refund_due') AND a.debits <> coalesce(p.confirmed, 0) OR p.open > a.credits - a.debits
