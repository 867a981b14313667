-- The key works on beside the one that follows it, and ends at the given hour.
UPDATE enterprise_api_keys SET ends_at = (SELECT base.clock_now()) + make_interval(hours => %(hours)s)
WHERE id = %(key)s AND tenant = %(tenant)s AND state <> 'revoked'
RETURNING id, public_id, ends_at
