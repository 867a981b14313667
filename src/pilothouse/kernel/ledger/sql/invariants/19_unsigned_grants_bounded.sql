-- What is granted in nobody's name stays within 3,000 credits of any 24 hours, over all accounts
SELECT g.tenant, g.id AS journal, g.at, g.within_a_day
FROM (
    SELECT u.tenant, u.id, u.at, sum(u.credits) OVER (
        ORDER BY u.at RANGE BETWEEN interval '23:59:59.999999' PRECEDING AND CURRENT ROW) AS within_a_day
    FROM ledger_unsigned('-infinity') u
) g
WHERE g.within_a_day > 3000
