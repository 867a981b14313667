-- Green runs over single batches are many; the newest run over everything of each name is one step of an index.
WITH RECURSIVE names AS (
    (SELECT name FROM check_run ORDER BY name LIMIT 1)
    UNION ALL
    SELECT (SELECT c.name FROM check_run c WHERE c.name > n.name ORDER BY c.name LIMIT 1) FROM names n
    WHERE n.name IS NOT NULL
)
SELECT n.name, r.id, r.at, r.rows, r.ms, r.sample,
       (SELECT count(*) FROM (SELECT rows FROM check_run p WHERE p.name = n.name AND p.id > coalesce(r.id, 0)
                              ORDER BY p.id DESC LIMIT 200) s WHERE s.rows > 0) AS red_since
FROM names n LEFT JOIN LATERAL (
    SELECT * FROM check_run c WHERE c.name = n.name AND c.batches IS NULL ORDER BY c.id DESC LIMIT 1
) r ON true
WHERE n.name IS NOT NULL ORDER BY n.name
