SELECT kind, count(*) AS count FROM report
WHERE tenant = %(tenant)s AND program = %(program)s AND kind NOT IN ('safety', 'security') GROUP BY kind ORDER BY kind
