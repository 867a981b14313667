-- Takes a set of uploads whose bytes did not come in time.
SELECT id, tenant, public_id, storage_key
FROM upload
WHERE state = 'awaited' AND expires_at <= (SELECT base.clock_now())
ORDER BY expires_at LIMIT %(count)s FOR UPDATE SKIP LOCKED
