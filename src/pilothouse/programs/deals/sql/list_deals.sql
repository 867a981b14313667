SELECT d.id, d.public_id, d.state, d.template, d.terms_version, d.title, d.unit, d.price, d.in_escrow, d.to_seller,
       d.to_buyer, d.created_at, d.ended_at, d.ended_by,
       CASE WHEN %(person)s::bigint IS NULL THEN NULL WHEN d.buyer_id = %(person)s THEN 'buyer' ELSE 'seller' END AS side,
       t.name AS timer, t.due_at
FROM deal d
LEFT JOIN LATERAL (
    SELECT t.name, t.due_at FROM timer t
    WHERE t.state = 'armed' AND (t.subject_kind, t.subject_id) IN (
        ('deal', d.id), ('dispute', (SELECT p.id FROM dispute p WHERE p.deal_id = d.id)))
    ORDER BY t.due_at LIMIT 1
) t ON true
WHERE (%(person)s::bigint IS NULL OR d.buyer_id = %(person)s OR d.seller_id = %(person)s)
  AND (%(state)s::text IS NULL OR d.state = %(state)s)
  AND (%(before)s::bigint IS NULL OR d.id < %(before)s)
  AND (%(search)s::text IS NULL OR d.public_id = %(search)s OR d.title ILIKE '%%' || %(search)s || '%%')
ORDER BY d.id DESC LIMIT %(count)s
