SELECT seal_ledger_now(%(limit)s, %(format)s::smallint, %(passes)s)
