SELECT j.id, j.kind, j.unique_key, j.state, j.attempt, j.error, j.created_at, j.next_run_at, j.ended_at,
       t.name AS tenant_name, t.public_id AS tenant_id
FROM job j LEFT JOIN tenant t ON t.id = j.tenant
WHERE j.state = 'failed' OR (j.state = 'queued' AND j.error <> '')
ORDER BY j.state, j.id DESC LIMIT %(count)s OFFSET %(skip)s
