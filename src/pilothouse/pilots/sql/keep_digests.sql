INSERT INTO digest (tenant, plan_id, part, day, made_at, body)
SELECT u.tenant, u.plan, u.part, u.day, (SELECT base.clock_now()), u.body
FROM unnest(%(plans)s::bigint[], %(tenants)s::bigint[], %(parts)s::text[], %(days)s::date[], %(bodies)s::jsonb[])
     AS u (plan, tenant, part, day, body)
ORDER BY u.plan, u.part
ON CONFLICT (plan_id, day, part) DO NOTHING
RETURNING plan_id AS plan, part, day
