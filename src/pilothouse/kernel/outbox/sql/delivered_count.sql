SELECT count(*) AS n FROM delivery WHERE tenant = %(tenant)s AND state = 'delivered'
