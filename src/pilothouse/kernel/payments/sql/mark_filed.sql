UPDATE payout p
SET bank_file = %(bank_file)s, filed_at = %(filed_at)s, filed_by = %(filed_by)s, bank_account_id = u.account
FROM unnest(%(payouts)s::bigint[], %(accounts)s::bigint[]) AS u (payout, account)
WHERE p.id = u.payout AND p.state = 'due' AND p.bank_file = ''
