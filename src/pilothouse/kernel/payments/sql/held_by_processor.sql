-- What came in by the processor, less what it sent back, what was taken back from it, and what it has paid out and kept.
SELECT (
    (SELECT coalesce(sum(p.amount), 0) FROM payment p
     WHERE p.tenant = %(tenant)s AND p.unit = %(unit)s AND p.source = 'stripe')
  - (SELECT coalesce(sum(r.amount), 0) FROM payment_return r JOIN payment p ON p.id = r.payment_id
     WHERE r.tenant = %(tenant)s AND p.unit = %(unit)s AND r.way = 'stripe')
  - (SELECT coalesce(sum(c.amount), 0) FROM chargeback c
     WHERE c.tenant = %(tenant)s AND c.unit = %(unit)s AND c.state <> 'won')
  - (SELECT coalesce(sum(s.amount + s.fees), 0) FROM processor_settlement s
     WHERE s.tenant = %(tenant)s AND s.unit = %(unit)s)
)::bigint AS held
