SELECT b.* FROM batch b
WHERE b.tenant = %(tenant)s AND (%(before)s::bigint IS NULL OR b.id < %(before)s)
  AND (%(state)s::text IS NULL OR b.state = %(state)s)
  AND (%(request_id)s::text IS NULL OR b.request_id = %(request_id)s)
  AND (%(mode)s::text IS NULL OR b.mode = %(mode)s)
  AND (%(search)s::text IS NULL OR b.public_id = %(search)s OR starts_with(b.request_id, %(search)s))
ORDER BY b.id DESC LIMIT %(count)s
