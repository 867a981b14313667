-- The events of the deals and disputes of a market, a page at a time. What the machine's clock said is left out.
SELECT e.id, coalesce(d.public_id, o.public_id) AS deal, e.subject_kind AS about, e.seq, e.at, e.actor, e.type, e.data
FROM event e
LEFT JOIN deal d ON e.subject_kind = 'deal' AND d.id = e.subject_id
LEFT JOIN dispute p ON e.subject_kind = 'dispute' AND p.id = e.subject_id
LEFT JOIN deal o ON o.id = p.deal_id
WHERE e.tenant = %(tenant)s AND e.subject_kind IN ('deal', 'dispute') AND e.id > %(after)s
ORDER BY e.id LIMIT %(count)s
