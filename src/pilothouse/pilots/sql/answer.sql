UPDATE report SET reply = %(reply)s, replied_at = (SELECT base.clock_now()), replied_by = %(actor)s
WHERE id = %(report)s AND replied_at IS NULL
