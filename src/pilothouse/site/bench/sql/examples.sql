-- One object of the seeded tenant for each parameter of an address: the newest batch that is completed and what is its.
-- name: examples
SELECT t.public_id AS tenant, b.public_id AS batch, i.public_id AS item, d.public_id AS delivery,
       e.public_id AS endpoint, k.public_id AS key, p.public_id AS member, n.public_id AS incident,
       'invariant:02_counters_equal_rows' AS check, 'enterprise' AS guide, 'key' AS playbook
FROM tenant t
JOIN batch b ON b.tenant = t.id AND b.state = 'completed'
JOIN item i ON i.batch = b.id
JOIN message m ON m.subject_id = b.id AND m.subject_kind = 'batch'
JOIN delivery d ON d.message_id = m.id
JOIN endpoint e ON e.id = d.endpoint_id
JOIN enterprise_api_keys k ON k.tenant = t.id
JOIN member p ON p.tenant = t.id
JOIN incident n ON n.tenant = t.id
WHERE t.id = %(tenant)s ORDER BY b.id DESC, i.id LIMIT 1
-- One object of the market for each: a deal under inspection, an open dispute, a contested handover, its money.
-- name: market_examples
SELECT (SELECT public_id FROM deal WHERE tenant = %(tenant)s AND state = 'INSPECTION' ORDER BY id DESC LIMIT 1) AS deal,
       (SELECT public_id FROM dispute WHERE tenant = %(tenant)s AND state = 'OPEN' ORDER BY id DESC LIMIT 1) AS dispute,
       (SELECT public_id FROM deal WHERE tenant = %(tenant)s AND state = 'FUNDED' AND contested_at IS NOT NULL
        ORDER BY id DESC LIMIT 1) AS contested,
       (SELECT public_id FROM payment WHERE tenant = %(tenant)s ORDER BY id DESC LIMIT 1) AS payment,
       (SELECT public_id FROM payout WHERE tenant = %(tenant)s ORDER BY id DESC LIMIT 1) AS payout,
       (SELECT template FROM deal WHERE tenant = %(tenant)s LIMIT 1) AS template
