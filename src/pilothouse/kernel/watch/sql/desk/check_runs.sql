SELECT id, at, batches, rows, sample, ms FROM check_run
WHERE name = %(name)s AND (NOT %(wide)s OR batches IS NULL OR rows > 0)
ORDER BY id DESC LIMIT %(count)s OFFSET %(skip)s
