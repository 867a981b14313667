SELECT DISTINCT ON (b.tenant, b.person_id, b.unit) b.id
FROM bank_account b
JOIN unnest(%(tenants)s::bigint[], %(people)s::bigint[], %(units)s::text[]) AS u (tenant, person, unit)
  ON b.tenant = u.tenant AND b.person_id = u.person AND b.unit = u.unit
WHERE b.state = 'confirmed' AND b.usable_from <= (SELECT base.clock_now())
ORDER BY b.tenant, b.person_id, b.unit, b.usable_from DESC, b.id DESC
