SELECT coalesce(sum(credits - debits) FILTER (WHERE kind = 'wallet'), 0)::bigint AS available,
       coalesce(sum(credits - debits) FILTER (WHERE kind = 'held'), 0)::bigint AS held
FROM account WHERE tenant = %(tenant)s AND unit = %(unit)s AND kind IN ('wallet', 'held')
