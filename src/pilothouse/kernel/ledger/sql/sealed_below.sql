-- Below which transaction all of a tenant's journals are in blocks; 0 before the first.
SELECT coalesce((SELECT to_tx FROM seal WHERE tenant = %(tenant)s AND stream = 'ledger' ORDER BY n DESC LIMIT 1), 0) AS tx
