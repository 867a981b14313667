-- The newest look at each invariant.
SELECT DISTINCT ON (name) name, at, rows FROM check_run WHERE name LIKE 'invariant:%%' ORDER BY name, id DESC
