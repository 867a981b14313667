SELECT min(due_at) AS due_at FROM timer WHERE state = 'armed' AND subject_kind = ANY(%(kinds)s)
