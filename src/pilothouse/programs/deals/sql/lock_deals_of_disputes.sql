SELECT id FROM deal
WHERE id IN (SELECT p.deal_id FROM dispute p WHERE p.id = ANY(%(disputes)s::bigint[])) ORDER BY id FOR UPDATE
