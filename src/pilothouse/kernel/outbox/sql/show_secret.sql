-- The first who asks is shown it, and nobody after.
UPDATE signing_secret SET shown_at = (SELECT base.clock_now()) WHERE id = %(id)s AND shown_at IS NULL
RETURNING sealed
