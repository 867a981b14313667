SELECT u.email, coalesce(l.language, '') AS language FROM operator o
JOIN auth_user u ON u.id = o.user_id AND u.is_active AND u.email <> ''
LEFT JOIN person_language l ON l.person_id = u.id
WHERE o.role IN ('admin', 'operator') ORDER BY u.id
