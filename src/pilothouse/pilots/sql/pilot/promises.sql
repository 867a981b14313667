-- The newest look over everything of each of these checks.
SELECT DISTINCT ON (name) name, at, rows FROM check_run
WHERE name = ANY(%(names)s::text[]) AND batches IS NULL ORDER BY name, id DESC
