SELECT subject_kind, subject_id, seq, at, actor, type, data FROM event WHERE tenant = %(tenant)s
ORDER BY subject_kind, subject_id, seq
