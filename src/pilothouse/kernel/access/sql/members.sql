SELECT m.id, u.email, btrim(u.first_name || ' ' || u.last_name) AS name, m.role, m.added_at, m.added_by, u.last_login
FROM member m JOIN auth_user u ON u.id = m.user_id
WHERE m.tenant = %(tenant)s ORDER BY u.email LIMIT %(count)s OFFSET %(skip)s
