UPDATE batch SET cancel_requested_at = coalesce(cancel_requested_at, (SELECT base.clock_now())) WHERE id = %(batch)s
