-- Rows of one account that no block holds yet.
SELECT (SELECT count(*) FROM journal j
        WHERE j.tenant = %(tenant)s
          AND j.tx >= (SELECT coalesce(max(to_tx), 0) FROM seal WHERE tenant = j.tenant AND stream = 'ledger'))
     + (SELECT count(*) FROM event e
        WHERE e.tenant = %(tenant)s
          AND e.tx >= (SELECT coalesce(max(to_tx), 0) FROM seal WHERE tenant = e.tenant AND stream = 'timeline')) AS n,
       (SELECT coalesce(max(id), 0) FROM journal WHERE tenant = %(tenant)s) AS journal,
       (SELECT coalesce(max(id), 0) FROM event WHERE tenant = %(tenant)s) AS event
