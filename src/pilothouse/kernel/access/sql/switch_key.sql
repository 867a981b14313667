UPDATE enterprise_api_keys SET is_active = %(active)s
WHERE id = %(key)s AND tenant = %(tenant)s AND state <> 'revoked' AND is_active <> %(active)s
RETURNING id
