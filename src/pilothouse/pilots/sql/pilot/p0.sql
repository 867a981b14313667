-- Open P0 incidents over a pilot's scope: its own account's, its program's, and the platform's.
SELECT i.public_id, i.kind, i.title, i.state FROM incident i
WHERE i.severity = 'P0' AND i.state NOT IN ('resolved', 'false_alarm')
  AND (i.tenant IS NULL OR i.tenant = %(tenant)s) AND (i.program = '' OR i.program = %(program)s)
ORDER BY i.id
