-- One delivery with its message, and the newest sending of this message to this endpoint.
SELECT d.id, d.public_id, d.origin, d.state, d.attempt, d.next_run_at, d.created_at, d.created_by, d.ended_at,
       d.last_status, d.last_error, m.public_id AS message_id, m.type, m.reference, m.body, m.body_sha256,
       m.created_at AS message_at, e.public_id AS endpoint_id, e.url, e.state AS endpoint_state, e.kind AS endpoint_kind,
       (SELECT n.public_id FROM delivery n WHERE n.message_id = d.message_id AND n.endpoint_id = d.endpoint_id
        ORDER BY n.id DESC LIMIT 1) AS newest
FROM delivery d
JOIN message m ON m.id = d.message_id
JOIN endpoint e ON e.id = d.endpoint_id
WHERE d.public_id = %(delivery)s
