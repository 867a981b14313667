SELECT failure_reason AS reason, count(*) AS count FROM item
WHERE batch = %(batch)s AND state = 'refunded' GROUP BY failure_reason ORDER BY failure_reason
