SELECT f.public_id, f.program, f.subject, f.role, f.version, f.answers, f.given_at, n.name AS tenant_name, u.email
FROM feedback f JOIN tenant n ON n.id = f.tenant JOIN auth_user u ON u.id = f.person_id
WHERE (%(search)s = '' OR f.subject = %(search)s OR u.email = %(search)s OR n.name ILIKE '%%' || %(search)s || '%%'
       OR f.version = %(search)s OR (f.answers -> 'words')::text ILIKE '%%' || %(search)s || '%%')
  AND (NOT %(words_only)s OR f.answers -> 'words' <> '{}')
ORDER BY f.id DESC OFFSET %(skip)s LIMIT %(count)s
