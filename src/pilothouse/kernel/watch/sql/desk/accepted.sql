SELECT a.finding, a.reason, a.accepted_by, a.accepted_at, i.public_id AS incident
FROM accepted_finding a JOIN incident i ON i.id = a.incident
WHERE a.check_name = %(check_name)s ORDER BY a.id DESC LIMIT 100
