-- An open payout is never more than its account owes
SELECT p.tenant, p.public_id, p.amount, a.credits - a.debits AS owed
FROM payout p JOIN account a ON a.id = p.account
WHERE p.state <> 'confirmed' AND p.amount > a.credits - a.debits
