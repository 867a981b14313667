-- Who ordered each batch of a customer and who confirmed it, by the role that they have there: `key` is the pilot's own
-- key, and nobody's role is a stranger's.
SELECT a.batch, a.what, a.actor,
       CASE WHEN a.actor LIKE 'key:%%' THEN 'key' ELSE coalesce(m.role, 'stranger') END AS role
FROM (
    SELECT b.public_id AS batch, 'ordered' AS what, b.created_by AS actor FROM batch b WHERE b.tenant = %(tenant)s
    UNION ALL
    SELECT b.public_id, 'confirmed', c.actor FROM confirmation c JOIN batch b ON b.id = c.batch
    WHERE c.tenant = %(tenant)s
) a
LEFT JOIN auth_user u ON a.actor = 'user:' || u.email
LEFT JOIN member m ON m.user_id = u.id AND m.tenant = %(tenant)s
ORDER BY a.batch, a.what, a.actor
