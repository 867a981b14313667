SELECT state, count(*) AS n FROM batch WHERE tenant = %(tenant)s AND state <> 'completed' GROUP BY state
