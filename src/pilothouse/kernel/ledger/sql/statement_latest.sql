-- What wallet and holds were before an instant that the cut had not reached: the counters, less the rows that are not of
-- the cut or not before the instant. Counters and rows are read in one snapshot, so the two agree to the last row; few
-- rows are newer than a cut, where folding all that are older would read the whole history.
SELECT (coalesce(b.available, 0) - coalesce(n.available, 0))::bigint AS available,
       (coalesce(b.held, 0) - coalesce(n.held, 0))::bigint AS held
FROM (
    SELECT sum(credits - debits) FILTER (WHERE kind = 'wallet') AS available,
           sum(credits - debits) FILTER (WHERE kind = 'held') AS held
    FROM account WHERE tenant = %(tenant)s AND unit = %(unit)s AND kind IN ('wallet', 'held')
) b, (
    SELECT sum(CASE WHEN c.kind = 'wallet' THEN x.amount ELSE 0 END
             - CASE WHEN d.kind = 'wallet' THEN x.amount ELSE 0 END) AS available,
           sum(CASE WHEN c.kind = 'held' THEN x.amount ELSE 0 END
             - CASE WHEN d.kind = 'held' THEN x.amount ELSE 0 END) AS held
    FROM journal j JOIN transfer x ON x.journal = j.id
    JOIN account d ON d.id = x.debit JOIN account c ON c.id = x.credit
    WHERE j.tenant = %(tenant)s AND d.unit = %(unit)s
      AND (j.effective_at >= %(before)s OR j.recorded_at > %(as_of)s OR j.tx >= %(high)s
           OR (j.tx >= %(low)s AND j.tx = ANY(%(open)s::bigint[])))
) n
