SELECT count(*) AS count FROM deal WHERE tenant = %(tenant)s AND state <> 'DRAFT'
