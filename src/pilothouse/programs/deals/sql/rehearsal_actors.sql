-- Who moved each deal and dispute of a market, and as which side: the role that the table has to know.
SELECT d.public_id AS deal, e.subject_kind AS kind, e.type, e.actor, e.seq,
       CASE WHEN e.actor = 'user:' || b.email THEN 'buyer' WHEN e.actor = 'user:' || s.email THEN 'seller'
            WHEN e.actor LIKE 'user:%%' THEN 'stranger' WHEN e.actor = 'timer' THEN 'timer'
            ELSE 'admin' END AS role
FROM event e
LEFT JOIN dispute p ON e.subject_kind = 'dispute' AND p.id = e.subject_id
JOIN deal d ON d.id = CASE e.subject_kind WHEN 'deal' THEN e.subject_id ELSE p.deal_id END
LEFT JOIN auth_user b ON b.id = d.buyer_id
LEFT JOIN auth_user s ON s.id = d.seller_id
WHERE e.tenant = %(tenant)s AND e.subject_kind IN ('deal', 'dispute')
ORDER BY d.id, e.subject_kind, e.seq
