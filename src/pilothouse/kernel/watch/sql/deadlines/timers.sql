-- Every timer that fired, that could not, or that is still armed a minute after it was due.
SELECT t.subject_kind AS kind, t.subject_id AS id, t.name AS what, t.due_at,
       CASE WHEN t.state = 'fired' THEN t.ended_at END AS done_at,
       t.state <> 'fired' OR t.ended_at > t.due_at + interval '60 seconds' AS late, false AS excused
FROM timer t
WHERE t.state IN ('fired', 'stuck')
   OR (t.state = 'armed' AND t.due_at <= (SELECT base.clock_now()) - interval '60 seconds')
