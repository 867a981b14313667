SELECT b.* FROM batch b WHERE b.tenant = %(tenant)s ORDER BY b.id DESC LIMIT %(count)s
