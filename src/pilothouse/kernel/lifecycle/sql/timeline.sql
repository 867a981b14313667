SELECT id, seq, at, actor, type, data, visibility FROM event
WHERE subject_kind = %(kind)s AND subject_id = ANY(%(subjects)s::bigint[]) AND visibility = ANY(%(visibilities)s::text[])
ORDER BY id DESC LIMIT %(count)s OFFSET %(skip)s
