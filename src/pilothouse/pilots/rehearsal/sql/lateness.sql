-- How late each kind of timer was fired at worst.
SELECT subject_kind || ' ' || name AS name, count(*) AS fired,
       round(extract(epoch FROM max(ended_at - due_at)), 3)::float AS worst_s
FROM timer WHERE state = 'fired' GROUP BY 1 ORDER BY worst_s DESC, name
