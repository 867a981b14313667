SELECT ledger_entry_id(t.public_id, j.idempotency_key) AS entry
FROM journal j JOIN tenant t ON t.id = j.tenant WHERE j.tenant = %(tenant)s AND j.id = %(journal)s
