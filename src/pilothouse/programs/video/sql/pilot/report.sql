-- What the reports of a pilot say: its batches that have ended, from their own columns, and where its events go.
SELECT count(*) AS batches, coalesce(sum(b.total), 0)::bigint AS items,
       coalesce(sum(b.succeeded_count), 0)::bigint AS succeeded, coalesce(sum(b.settled), 0)::bigint AS credits_used,
       (array_agg(b.public_id ORDER BY b.completed_at, b.id))[1] AS batch_id,
       (SELECT e.url FROM endpoint e
        WHERE e.tenant = %(tenant)s AND e.mode = 'live' AND e.state = 'active' ORDER BY e.kind DESC, e.id LIMIT 1) AS webhook_url
FROM batch b
WHERE b.tenant = %(tenant)s AND b.mode = 'live' AND b.kind = 'enterprise' AND b.created_at >= %(since)s
  AND b.state = 'completed' AND b.completed_at <= %(now)s
