SELECT t.id, t.public_id, t.name, t.timezone, t.created_at, a.available, a.held,
       (SELECT count(*) FROM member m WHERE m.tenant = t.id) AS members,
       (SELECT count(*) FROM gate g WHERE g.opened_at IS NULL AND (g.tenant IS NULL OR g.tenant = t.id)) AS gates,
       (SELECT count(*) FROM incident i WHERE i.tenant = t.id
          AND i.state IN ('investigating', 'mitigated', 'open', 'root_caused')) AS incidents
FROM tenant t CROSS JOIN LATERAL (
    SELECT coalesce(sum(credits - debits) FILTER (WHERE kind = 'wallet'), 0)::bigint AS available,
           coalesce(sum(credits - debits) FILTER (WHERE kind = 'held'), 0)::bigint AS held
    FROM account WHERE tenant = t.id AND unit = 'CREDIT' AND kind IN ('wallet', 'held')) a
WHERE %(search)s = '' OR t.public_id = %(search)s OR t.name ILIKE '%%' || %(search)s || '%%'
   OR EXISTS (SELECT FROM member m JOIN auth_user u ON u.id = m.user_id
              WHERE m.tenant = t.id AND lower(u.email) = lower(%(search)s))
ORDER BY lower(t.name), t.id LIMIT %(count)s OFFSET %(skip)s
