-- Refunds to order or to ask about. Their next run moves out by the lease, so that a dead worker's come back.
WITH due AS (
    SELECT r.id FROM refund r
    WHERE r.state IN ('due', 'sent') AND r.next_run_at <= (SELECT base.clock_now())
    ORDER BY r.next_run_at LIMIT %(count)s FOR UPDATE SKIP LOCKED
)
UPDATE refund r SET attempts = r.attempts + 1,
       next_run_at = (SELECT base.clock_now()) + make_interval(secs => %(lease_s)s)
FROM due WHERE r.id = due.id
RETURNING r.id, r.public_id, r.refund_id, r.round, r.attempts, r.payment_intent, r.amount
