-- Every idempotency key stands once, with the hash of its request
SELECT j.tenant, j.idempotency_key, count(*) AS journals, min(j.id) AS first_journal
FROM journal j
GROUP BY j.tenant, j.idempotency_key
HAVING count(*) > 1 OR j.idempotency_key = '' OR min(j.request_hash) = ''
