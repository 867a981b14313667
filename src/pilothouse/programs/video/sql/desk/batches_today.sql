-- Each tenant's newest batches by index, until one is older than today.
SELECT t.id AS tenant, (SELECT count(*) FROM batch b WHERE b.tenant = t.id AND b.id > coalesce(
    (SELECT o.id FROM batch o WHERE o.tenant = t.id
       AND o.created_at < date_trunc('day', (SELECT base.clock_now()), 'UTC') ORDER BY o.id DESC LIMIT 1), 0)) AS n
FROM unnest(%(tenants)s::bigint[]) AS t (id)
