-- What wallet and holds were before an instant of business time, folded from the rows of a cut.
SELECT coalesce(sum(CASE WHEN c.kind = 'wallet' THEN x.amount ELSE 0 END
                  - CASE WHEN d.kind = 'wallet' THEN x.amount ELSE 0 END), 0)::bigint AS available,
       coalesce(sum(CASE WHEN c.kind = 'held' THEN x.amount ELSE 0 END
                  - CASE WHEN d.kind = 'held' THEN x.amount ELSE 0 END), 0)::bigint AS held
FROM journal j JOIN transfer x ON x.journal = j.id
JOIN account d ON d.id = x.debit JOIN account c ON c.id = x.credit
WHERE j.tenant = %(tenant)s AND d.unit = %(unit)s AND j.effective_at < %(before)s AND j.recorded_at <= %(as_of)s
  AND j.tx < %(high)s AND (j.tx < %(low)s OR j.tx <> ALL(%(open)s::bigint[]))
