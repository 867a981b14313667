-- The next rows of a statement after a cursor, oldest first, of the transactions of a cut only.
WITH page AS MATERIALIZED (
    SELECT j.* FROM journal j
    WHERE j.tenant = %(tenant)s AND j.effective_at >= %(start)s AND j.effective_at < %(end)s
      AND (j.effective_at, j.id) > (%(after_at)s, %(after_id)s) AND j.recorded_at <= %(as_of)s
      AND j.tx < %(high)s AND (j.tx < %(low)s OR j.tx <> ALL(%(open)s::bigint[]))
      AND EXISTS (
          SELECT FROM transfer x JOIN account d ON d.id = x.debit JOIN account c ON c.id = x.credit
          WHERE x.journal = j.id AND d.unit = %(unit)s
            AND (d.kind IN ('wallet', 'held') OR c.kind IN ('wallet', 'held'))
      )
    ORDER BY j.effective_at, j.id LIMIT %(limit)s
)
SELECT p.id, ledger_entry_id(t.public_id, p.idempotency_key) AS entry, p.kind, p.ref_type, p.ref_id, p.request_id,
       p.description, p.effective_at, p.recorded_at, s.amount, s.credits_delta, s.held_delta
FROM page p JOIN tenant t ON t.id = p.tenant CROSS JOIN LATERAL (
    SELECT sum(x.amount)::bigint AS amount,
           sum(CASE WHEN c.kind = 'wallet' THEN x.amount ELSE 0 END
             - CASE WHEN d.kind = 'wallet' THEN x.amount ELSE 0 END)::bigint AS credits_delta,
           sum(CASE WHEN c.kind = 'held' THEN x.amount ELSE 0 END
             - CASE WHEN d.kind = 'held' THEN x.amount ELSE 0 END)::bigint AS held_delta
    FROM transfer x JOIN account d ON d.id = x.debit JOIN account c ON c.id = x.credit
    WHERE x.journal = p.id AND d.unit = %(unit)s
) s
ORDER BY p.effective_at, p.id
