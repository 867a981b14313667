SELECT ledger_by_one_person(%(tenant)s, make_interval(hours => %(hours)s)) AS credits,
       ledger_operator(%(operator)s) AS operator
