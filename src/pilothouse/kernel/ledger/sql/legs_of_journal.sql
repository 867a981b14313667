SELECT t.debit, t.credit, t.amount, t.kind, j.ref_id FROM transfer t JOIN journal j ON j.id = t.journal
WHERE t.tenant = %(tenant)s AND t.journal = %(journal)s ORDER BY t.id
