-- Where the money of a market is, by currency, folded from the transfers alone. `received` came in, `sent_back` went to
-- its sender again; what was released or returned to a side is paid or still owed.
SELECT d.unit,
       coalesce(sum(t.amount) FILTER (WHERE t.kind = 'receive'), 0)::bigint AS received,
       coalesce(sum(t.amount) FILTER (WHERE t.kind = 'send_back'), 0)::bigint AS sent_back,
       coalesce(sum(t.amount) FILTER (WHERE c.kind = 'payable'), 0)::bigint AS to_sellers,
       coalesce(sum(t.amount) FILTER (WHERE c.kind = 'refund_due'), 0)::bigint AS to_buyers,
       coalesce(sum(t.amount) FILTER (WHERE d.kind = 'payable'), 0)::bigint AS paid_to_sellers,
       coalesce(sum(t.amount) FILTER (WHERE d.kind = 'refund_due'), 0)::bigint AS paid_to_buyers,
       (coalesce(sum(t.amount) FILTER (WHERE c.kind = 'escrow'), 0)
           - coalesce(sum(t.amount) FILTER (WHERE d.kind = 'escrow'), 0))::bigint AS in_escrow,
       (coalesce(sum(t.amount) FILTER (WHERE c.kind = 'suspense'), 0)
           - coalesce(sum(t.amount) FILTER (WHERE d.kind = 'suspense'), 0))::bigint AS suspense
FROM transfer t JOIN account d ON d.id = t.debit JOIN account c ON c.id = t.credit
WHERE t.tenant = %(tenant)s
GROUP BY d.unit ORDER BY d.unit
