-- The (tenant, address) pairs that no hidden endpoint stands for yet.
SELECT DISTINCT n.tenant, n.url
FROM unnest(%(tenants)s::bigint[], %(urls)s::text[]) AS n (tenant, url)
WHERE n.url IS NOT NULL
  AND NOT EXISTS (SELECT FROM endpoint e WHERE e.tenant = n.tenant AND e.url = n.url AND e.kind = 'adhoc')
