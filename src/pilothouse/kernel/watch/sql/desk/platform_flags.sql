-- Every setting of the platform's switches, newest first, with which of them is in force and how many accounts have their
-- own; `name` narrows it to one switch.
SELECT p.name, p.value, p.value::text AS json, p.reason, p.set_at, p.set_by,
       NOT EXISTS (SELECT FROM platform_flag n WHERE n.name = p.name AND n.id > p.id) AS in_force,
       (SELECT count(DISTINCT f.tenant) FROM flag f WHERE f.name = p.name) AS own_count
FROM platform_flag p WHERE %(name)s = '' OR p.name = %(name)s
ORDER BY p.id DESC LIMIT %(count)s OFFSET %(skip)s
