SELECT at FROM check_run WHERE name = %(name)s AND rows = 0 ORDER BY id DESC LIMIT 1
