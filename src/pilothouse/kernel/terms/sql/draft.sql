INSERT INTO terms (kind, name, version, state, body, hash, note, created_at, created_by)
SELECT %(kind)s, %(name)s, coalesce(max(version), 0) + 1, 'draft', %(body)s::jsonb, %(hash)s, %(note)s,
       (SELECT base.clock_now()), %(actor)s
FROM terms WHERE kind = %(kind)s AND name = %(name)s
RETURNING kind, name, version, state, body, hash
