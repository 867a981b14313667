SELECT public_id, kind, severity, state, title, program, owner FROM incident
WHERE state IN ('investigating', 'mitigated', 'open', 'root_caused') ORDER BY severity, id
