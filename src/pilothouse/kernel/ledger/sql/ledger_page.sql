-- Ledger rows of one tenant and unit, newest first, from a cursor on: the page is found on the index by time, then what
-- each journal did to the wallet is summed for its rows alone. Only the time in which the unit has rows is looked at (the
-- days that were sealed, and what is not sealed yet), or a wallet that is hardly used would be sought among all the others.
WITH unsealed AS MATERIALIZED (
    SELECT j.effective_at FROM journal j
    WHERE j.tenant = %(tenant)s AND j.tx >= %(sealed)s
), reach AS MATERIALIZED (
    SELECT least((SELECT min(d.day)::timestamp AT TIME ZONE 'UTC' FROM sealed_day d
                  WHERE d.tenant = %(tenant)s AND d.unit = %(unit)s), (SELECT min(effective_at) FROM unsealed)) AS since,
           greatest((SELECT (max(d.day) + 1)::timestamp AT TIME ZONE 'UTC' FROM sealed_day d
                     WHERE d.tenant = %(tenant)s AND d.unit = %(unit)s), (SELECT max(effective_at) FROM unsealed)) AS until
), page AS MATERIALIZED (
    SELECT j.* FROM journal j
    WHERE j.tenant = %(tenant)s
      AND j.effective_at BETWEEN (SELECT since FROM reach) AND (SELECT until FROM reach)
      AND (%(kinds)s::text[] IS NULL OR j.kind = ANY(%(kinds)s::text[]))
      AND (%(ref)s::text IS NULL OR j.ref_id = %(ref)s)
      AND (%(start)s::timestamptz IS NULL OR j.effective_at >= %(start)s)
      AND (%(end)s::timestamptz IS NULL OR j.effective_at < %(end)s)
      AND (%(before_at)s::timestamptz IS NULL OR (j.effective_at, j.id) < (%(before_at)s, %(before_id)s))
      AND EXISTS (
          SELECT FROM transfer x JOIN account d ON d.id = x.debit JOIN account c ON c.id = x.credit
          WHERE x.journal = j.id AND d.unit = %(unit)s
            AND (d.kind IN ('wallet', 'held') OR c.kind IN ('wallet', 'held'))
      )
    ORDER BY j.effective_at DESC, j.id DESC LIMIT %(limit)s
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
ORDER BY p.effective_at DESC, p.id DESC
