-- The three amounts of a piece of work, each summed from its own transfers, and how many there are.
SELECT coalesce(sum(x.amount) FILTER (WHERE x.kind = 'reserve'), 0)::bigint AS reserved,
       coalesce(sum(x.amount) FILTER (WHERE x.kind = 'settle'), 0)::bigint AS settled,
       coalesce(sum(x.amount) FILTER (WHERE x.kind = 'refund'), 0)::bigint AS refunded,
       count(*) FILTER (WHERE x.kind = 'reserve') AS reserves,
       count(*) FILTER (WHERE x.kind = 'settle') AS settles,
       count(*) FILTER (WHERE x.kind = 'refund') AS refunds
FROM journal j JOIN transfer x ON x.journal = j.id JOIN account a ON a.id = x.debit
WHERE j.tenant = %(tenant)s AND j.ref_id = %(ref)s AND x.kind IN ('reserve', 'settle', 'refund')
  AND (%(unit)s::text IS NULL OR a.unit = %(unit)s)
