-- Where the credits of a customer are, folded from the transfers alone.
SELECT coalesce(sum(t.amount) FILTER (WHERE d.kind = 'credits_issued'), 0)::bigint AS granted,
       (coalesce(sum(t.amount) FILTER (WHERE c.kind = 'credits_earned'), 0)
           - coalesce(sum(t.amount) FILTER (WHERE d.kind = 'credits_earned'), 0))::bigint AS settled,
       (coalesce(sum(t.amount) FILTER (WHERE c.kind = 'held'), 0)
           - coalesce(sum(t.amount) FILTER (WHERE d.kind = 'held'), 0))::bigint AS held,
       (coalesce(sum(t.amount) FILTER (WHERE c.kind = 'wallet'), 0)
           - coalesce(sum(t.amount) FILTER (WHERE d.kind = 'wallet'), 0))::bigint AS available
FROM transfer t JOIN account d ON d.id = t.debit JOIN account c ON c.id = t.credit
WHERE t.tenant = %(tenant)s AND d.unit = 'CREDIT'
