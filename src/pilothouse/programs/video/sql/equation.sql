-- The money of all batches that were accepted in [start, end): what was reserved for them and where it is now. Each sum
-- is counted for itself: in flight from the open items, never by subtraction, so that a difference would show.
SELECT coalesce(sum(b.reserved), 0)::bigint AS reserved, coalesce(sum(b.settled), 0)::bigint AS settled,
       coalesce(sum(b.refunded), 0)::bigint AS refunded,
       coalesce(sum((b.pending_count + b.running_count) * b.cost), 0)::bigint AS in_flight,
       count(*) AS batches, coalesce(sum(b.total), 0)::bigint AS videos
FROM batch b
WHERE b.tenant = %(tenant)s AND b.unit = %(unit)s AND b.created_at >= %(start)s AND b.created_at < %(end)s
