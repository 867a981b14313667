-- Deals and the deals of disputes, each once and in id order, whatever they are locked for.
SELECT id FROM deal
WHERE id = ANY(%(deals)s::bigint[] || ARRAY(SELECT p.deal_id FROM dispute p WHERE p.id = ANY(%(disputes)s::bigint[])))
ORDER BY id FOR UPDATE
