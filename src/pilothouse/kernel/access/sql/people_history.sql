-- What happened to the people of a tenant, newest first.
SELECT id, at, actor, type, subject_kind, data FROM event
WHERE tenant = %(tenant)s AND subject_kind IN ('member', 'invitation') AND visibility = 'customer'
ORDER BY id DESC LIMIT %(count)s
