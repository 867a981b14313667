-- No transfer mixes units
SELECT t.tenant, t.id AS transfer, t.journal, d.unit AS debit_unit, c.unit AS credit_unit
FROM transfer t JOIN account d ON d.id = t.debit JOIN account c ON c.id = t.credit
WHERE d.unit <> c.unit
