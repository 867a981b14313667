-- Timers that should have fired by now, or that could not.
SELECT subject_kind AS kind, name, state, due_at, error FROM timer
WHERE (state = 'armed' AND due_at <= (SELECT base.clock_now())) OR state = 'stuck'
ORDER BY due_at, id LIMIT %(count)s
