UPDATE gate SET opened_at = (SELECT base.clock_now()), opened_by = %(actor)s WHERE id = %(gate)s AND opened_at IS NULL
