SELECT DISTINCT p.subject_ref AS deal
FROM event e JOIN payout p ON p.id = e.subject_id
WHERE e.subject_kind = 'payout' AND e.type = 'fail' AND e.tenant = %(tenant)s ORDER BY 1
