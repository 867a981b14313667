-- One page of a tenant's batches. Null parameters do not filter. The order is newest, oldest or largest; `last_total`
-- and `last_id` are the last row seen in that order. The parameters are constants to the planner, so an order that is
-- not asked for costs nothing and newest and oldest read the index.
SELECT b.* FROM batch b
WHERE b.tenant = %(tenant)s
  AND (%(last_id)s::bigint IS NULL OR CASE %(sort)s
       WHEN 'largest' THEN (b.total, b.id) < (%(last_total)s::int, %(last_id)s::bigint)
       WHEN 'oldest' THEN b.id > %(last_id)s::bigint
       ELSE b.id < %(last_id)s::bigint END)
  AND (%(state)s::text IS NULL OR b.state = %(state)s)
  AND (%(request_id)s::text IS NULL OR b.request_id = %(request_id)s)
  AND (%(mode)s::text IS NULL OR b.mode = %(mode)s)
  AND (%(since)s::timestamptz IS NULL OR b.created_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR b.created_at < %(until)s)
  AND (%(outcome)s::text IS NULL OR b.state = 'completed' AND CASE %(outcome)s
       WHEN 'all_succeeded' THEN b.failed_count = 0
       WHEN 'all_failed' THEN b.succeeded_count = 0
       ELSE b.failed_count > 0 AND b.succeeded_count > 0 END)
  AND (%(search)s::text IS NULL OR b.public_id = %(search)s OR starts_with(b.request_id, %(search)s))
ORDER BY CASE %(sort)s WHEN 'largest' THEN b.total END DESC, CASE %(sort)s WHEN 'oldest' THEN b.id END, b.id DESC
LIMIT %(count)s
