-- machine time: an attempt is stamped when its answer came, for operators; nothing is decided by it.
INSERT INTO item_attempt (tenant, item, n, at, provider, step, outcome, reason, error, milliseconds)
SELECT u.tenant, u.item, u.n, clock_timestamp(), u.provider, u.step, u.outcome, u.reason, u.error, u.milliseconds
FROM unnest(%(tenants)s::bigint[], %(items)s::bigint[], %(ns)s::int[], %(providers)s::text[], %(steps)s::text[],
            %(outcomes)s::text[], %(reasons)s::text[], %(errors)s::text[], %(milliseconds)s::int[])
     AS u (tenant, item, n, provider, step, outcome, reason, error, milliseconds)
