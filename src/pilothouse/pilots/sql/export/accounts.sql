-- Each account with the balance of its counters; of its rows where no counter is kept.
SELECT a.id, a.kind, a.ref, a.unit,
       CASE WHEN a.stored THEN a.credits - a.debits
            ELSE (SELECT coalesce(sum(t.amount), 0) FROM transfer t WHERE t.tenant = a.tenant AND t.credit = a.id)
               - (SELECT coalesce(sum(t.amount), 0) FROM transfer t WHERE t.tenant = a.tenant AND t.debit = a.id)
       END::bigint AS balance
FROM account a WHERE a.tenant = %(tenant)s ORDER BY a.id
