-- Every incident of the rehearsal, in the order in which they were opened.
SELECT public_id AS incident, kind, severity, state, program, title, opened_at, seen_count AS sightings
FROM incident ORDER BY id
