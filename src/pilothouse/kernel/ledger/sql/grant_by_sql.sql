INSERT INTO credit_ledger (user_id, type, ref_type, credits_delta, description)
SELECT public_id, 'add', %(source)s, %(amount)s, %(description)s FROM tenant WHERE id = %(tenant)s
