-- Every transfer belongs to a journal of its tenant and kind
SELECT t.tenant, t.id AS transfer, t.journal, t.kind, j.kind AS journal_kind
FROM transfer t LEFT JOIN journal j ON j.id = t.journal AND j.tenant = t.tenant
WHERE j.kind IS DISTINCT FROM t.kind
