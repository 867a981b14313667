SELECT id FROM dispute WHERE id = ANY(%(disputes)s::bigint[]) ORDER BY id FOR UPDATE
