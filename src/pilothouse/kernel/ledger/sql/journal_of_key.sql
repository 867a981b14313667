SELECT id, request_hash, kind FROM journal WHERE tenant = %(tenant)s AND idempotency_key = %(key)s
