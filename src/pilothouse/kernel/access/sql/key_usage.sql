-- The newest calls of one key, below the row `before`.
SELECT id, at, method, path, status, milliseconds, request_id FROM api_usage
WHERE key = %(key)s AND tenant = %(tenant)s AND (%(before)s::timestamptz IS NULL OR at < %(before)s)
  AND (NOT %(failed)s OR status >= 400)
ORDER BY at DESC LIMIT %(count)s
