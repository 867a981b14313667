SELECT a.key AS name, a.value AS answer, count(*) AS count
FROM feedback f CROSS JOIN LATERAL jsonb_each_text(f.answers -> 'choices') a
WHERE a.value <> '' GROUP BY a.key, a.value ORDER BY a.key, count(*) DESC, a.value
