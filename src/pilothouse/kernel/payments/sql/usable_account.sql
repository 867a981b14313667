SELECT b.id FROM bank_account b
WHERE b.tenant = %(tenant)s AND b.person_id = %(person)s AND b.unit = %(unit)s AND b.state = 'confirmed'
  AND b.usable_from <= (SELECT base.clock_now())
ORDER BY b.usable_from DESC, b.id DESC LIMIT 1
