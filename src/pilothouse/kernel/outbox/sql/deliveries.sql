-- A page of deliveries, newest first; null parameters do not filter.
SELECT d.id, d.public_id, d.origin, d.state, d.attempt, d.next_run_at, d.created_at, d.ended_at, d.last_status,
       d.last_error, m.public_id AS message_id, m.type, m.reference, e.public_id AS endpoint_id, e.url
FROM delivery d
JOIN message m ON m.id = d.message_id
JOIN endpoint e ON e.id = d.endpoint_id
WHERE (%(endpoint)s::text IS NULL OR e.public_id = %(endpoint)s)
  AND (%(states)s::text[] IS NULL OR d.state = ANY(%(states)s::text[]))
  AND (%(reference)s::text IS NULL OR d.message_id IN (
        SELECT r.id FROM message r WHERE r.tenant = d.tenant AND r.reference = %(reference)s AND r.reference <> ''))
  AND (%(subject_id)s::bigint IS NULL OR (m.subject_id = %(subject_id)s AND m.subject_kind = %(subject_kind)s))
  AND (%(before)s::bigint IS NULL OR d.id < %(before)s)
ORDER BY d.id DESC LIMIT %(count)s
