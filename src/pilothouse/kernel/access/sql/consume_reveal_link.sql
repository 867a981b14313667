UPDATE reveal_link SET consumed_at = (SELECT base.clock_now()), key = %(key)s WHERE id = %(link)s AND consumed_at IS NULL
