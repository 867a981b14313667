SELECT public_id, request_hash FROM batch WHERE tenant = %(tenant)s AND request_id = %(request_id)s
