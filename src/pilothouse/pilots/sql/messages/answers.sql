-- How the forms answered each of these questions, and how many answered it at all.
SELECT c.key AS name, c.value AS answer, count(*) AS n, (sum(count(*)) OVER (PARTITION BY c.key))::bigint AS forms
FROM feedback f CROSS JOIN LATERAL jsonb_each_text(f.answers -> 'choices') c
WHERE f.tenant = %(tenant)s AND f.program = %(program)s AND c.key = ANY(%(names)s::text[]) AND c.value <> ''
GROUP BY 1, 2 ORDER BY 1, n DESC
