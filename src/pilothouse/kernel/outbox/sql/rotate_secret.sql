-- The present secret goes on signing beside the new one until the overlap ends; an older one ends now. Who saw another
-- secret than the present one changes nothing.
UPDATE signing_secret
SET previous = sealed, previous_until = (SELECT base.clock_now()) + make_interval(hours => %(overlap_hours)s),
    sealed = %(sealed)s, rotated_at = (SELECT base.clock_now()),
    shown_at = CASE WHEN %(shown)s THEN (SELECT base.clock_now()) END
WHERE id = %(id)s AND (%(seen)s::text IS NULL OR md5(sealed) = %(seen)s)
RETURNING id, previous_until
