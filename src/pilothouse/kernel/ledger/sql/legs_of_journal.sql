SELECT t.debit, t.credit, t.amount FROM transfer t
WHERE t.tenant = %(tenant)s AND t.journal = %(journal)s ORDER BY t.id
