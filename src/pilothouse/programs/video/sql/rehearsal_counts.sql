-- What the chart of a rehearsal shows of a customer.
SELECT (SELECT count(*) FROM batch b WHERE b.tenant = %(tenant)s AND b.state <> 'completed')::int AS open_batches,
       (count(*) FILTER (WHERE i.state IN ('pending', 'running')))::int AS videos_in_work,
       (count(*) FILTER (WHERE i.state = 'succeeded'))::int AS videos_made,
       (count(*) FILTER (WHERE i.state = 'refunded'))::int AS videos_refunded,
       (SELECT count(*) FROM delivery d WHERE d.tenant = %(tenant)s
          AND d.state IN ('queued', 'sending', 'waiting'))::int AS webhooks_waiting
FROM item i WHERE i.tenant = %(tenant)s
