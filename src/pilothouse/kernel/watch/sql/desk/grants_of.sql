SELECT j.id, j.effective_at AS at, j.ref_type, j.description, j.actor, sum(x.amount)::bigint AS amount
FROM journal j JOIN transfer x ON x.journal = j.id
WHERE j.tenant = %(tenant)s AND j.kind IN ('grant', 'reverse') GROUP BY j.id ORDER BY j.id DESC LIMIT %(count)s
