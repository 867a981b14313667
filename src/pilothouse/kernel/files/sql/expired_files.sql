-- Takes a set of files whose time has come; the caller deletes the objects and marks the rows in this transaction.
SELECT id, tenant, public_id, storage_key
FROM file
WHERE state = 'stored' AND expires_at <= (SELECT base.clock_now())
ORDER BY expires_at LIMIT %(count)s FOR UPDATE SKIP LOCKED
