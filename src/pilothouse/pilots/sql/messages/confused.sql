-- What people wrote in the first part of the form of feedback.
SELECT w.value AS words FROM feedback f CROSS JOIN LATERAL jsonb_each_text(f.answers -> 'words') w
WHERE f.tenant = %(tenant)s AND f.program = %(program)s AND w.key IN ('step_unclear', 'unexpected')
ORDER BY f.id DESC, w.key LIMIT %(count)s
