-- Disputes of a card payment that were told before the payment itself was: they are looked at again, the oldest first.
UPDATE processor_event SET handled_at = NULL, attempts = 0, next_run_at = statement_timestamp()
WHERE handled_at IS NOT NULL AND type IN ('charge.dispute.created', 'charge.dispute.closed')
  AND facts ->> 'payment_intent' = %(intent)s AND outcome = %(outcome)s
