SELECT m.public_id, u.email, btrim(u.first_name || ' ' || u.last_name) AS name, m.role, m.added_at, m.added_by, u.last_login
FROM member m JOIN auth_user u ON u.id = m.user_id
WHERE m.tenant = %(tenant)s
  AND (%(search)s = '' OR strpos(lower(u.email || ' ' || u.first_name || ' ' || u.last_name), lower(%(search)s)) > 0)
  AND (%(role)s = '' OR m.role = %(role)s)
ORDER BY u.email LIMIT %(count)s OFFSET %(skip)s
