-- The newest grants and reversals, found by the partial index on what was moved by hand.
SELECT j.id, j.effective_at AS at, j.ref_type, j.description, j.actor,
       (SELECT sum(x.amount)::bigint FROM transfer x WHERE x.journal = j.id) AS amount
FROM journal j
WHERE j.tenant = %(tenant)s AND j.kind IN ('grant', 'reverse')
ORDER BY j.effective_at DESC, j.id DESC LIMIT %(count)s
