SELECT u.email FROM operator o JOIN auth_user u ON u.id = o.user_id
WHERE o.role IN ('admin', 'operator') AND u.is_active AND u.email <> '' ORDER BY u.email LIMIT %(count)s
