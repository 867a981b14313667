-- Every payout, against a day from when it was owed until operators first sent it. Without an account of the payee's
-- that can be used it waits for the payee.
SELECT 'payout' AS kind, p.id, '' AS what, p.created_at + make_interval(secs => %(due_s)s) AS due_at, s.at AS done_at,
       coalesce(s.at, (SELECT base.clock_now())) > p.created_at + make_interval(secs => %(due_s)s) AS late,
       NOT EXISTS (
           SELECT FROM bank_account a
           WHERE a.tenant = p.tenant AND a.person_id = p.person_id AND a.unit = p.unit AND a.state <> 'named'
             AND a.usable_from <= p.created_at + make_interval(secs => %(due_s)s)
       ) AS excused
FROM payout p
LEFT JOIN LATERAL (
    SELECT min(e.at) AS at FROM event e WHERE e.subject_kind = 'payout' AND e.subject_id = p.id AND e.type = 'send'
) s ON true
WHERE s.at IS NOT NULL OR p.created_at + make_interval(secs => %(due_s)s) <= (SELECT base.clock_now())
