SELECT id FROM deal WHERE id = ANY(%(deals)s::bigint[]) ORDER BY id FOR UPDATE
