-- How much of one account is sealed, and how many of its rows no block holds yet.
SELECT (SELECT count(*) FROM journal j
        WHERE j.tenant = %(tenant)s
          AND j.tx >= (SELECT coalesce(max(to_tx), 0) FROM seal WHERE tenant = j.tenant AND stream = 'ledger'))
     + (SELECT count(*) FROM event e
        WHERE e.tenant = %(tenant)s
          AND e.tx >= (SELECT coalesce(max(to_tx), 0) FROM seal WHERE tenant = e.tenant AND stream = 'timeline'))
       AS unsealed,
       (SELECT coalesce(sum(rows), 0)::bigint FROM seal WHERE tenant = %(tenant)s AND stream = 'ledger') AS ledger,
       (SELECT coalesce(sum(rows), 0)::bigint FROM seal WHERE tenant = %(tenant)s AND stream = 'timeline') AS timeline
