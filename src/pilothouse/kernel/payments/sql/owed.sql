-- What payable and refund-due accounts hold beyond their open payouts. The account's `ref` is the subject's public id,
-- whose prefix is its kind.
SELECT a.id AS account, a.tenant, a.kind, a.ref, a.unit, split_part(a.ref, '_', 1) AS subject_kind,
       a.credits - a.debits AS amount
FROM account a
WHERE a.kind IN ('payable', 'refund_due') AND a.credits > a.debits
  AND split_part(a.ref, '_', 1) = ANY(%(kinds)s)
  AND NOT EXISTS (SELECT FROM payout p WHERE p.account = a.id AND p.state <> 'confirmed')
ORDER BY a.id LIMIT %(count)s
