-- What an account may ask for, and the batch that it made before by this request_id, if it did.
SELECT t.settings, b.public_id, b.request_hash
FROM tenant t LEFT JOIN batch b ON b.tenant = t.id AND b.request_id = %(request_id)s
WHERE t.id = %(tenant)s
