SELECT m.public_id AS webhook_id, m.type, m.reference, convert_from(m.body, 'UTF8') AS body, m.body_sha256,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('delivery', d.public_id, 'state', d.state, 'attempts', d.attempt,
                                                     'status', d.last_status) ORDER BY d.id), '[]')
        FROM delivery d WHERE d.message_id = m.id AND d.tenant = m.tenant AND d.origin <> 'test') AS deliveries
FROM message m
JOIN batch b ON b.tenant = m.tenant AND b.public_id = m.reference AND b.mode = 'live' AND b.kind = 'enterprise'
            AND b.created_at >= %(since)s
WHERE m.tenant = %(tenant)s AND m.type <> 'test' ORDER BY m.id
