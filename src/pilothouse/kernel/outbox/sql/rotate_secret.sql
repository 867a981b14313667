-- The present secret goes on signing beside the new one until the overlap ends; an older one ends now.
UPDATE signing_secret
SET previous = sealed, previous_until = (SELECT base.clock_now()) + make_interval(hours => %(overlap_hours)s),
    sealed = %(sealed)s, rotated_at = (SELECT base.clock_now())
WHERE id = %(id)s
RETURNING id, previous_until
