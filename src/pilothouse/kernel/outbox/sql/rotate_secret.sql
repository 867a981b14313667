-- The present secret goes on signing beside the new one until its overlap ends, and so do those that were rotated within
-- the same hours: an answer that was lost is asked for again, and the receiver may know any of them. Their number is
-- bounded. Who saw another secret than the present one changes nothing.
UPDATE signing_secret
SET previous = jsonb_build_array(jsonb_build_object(
        'sealed', sealed, 'until', (SELECT base.clock_now()) + make_interval(hours => %(overlap_hours)s)
    )) || (SELECT coalesce(jsonb_agg(older.secret ORDER BY older.n), '[]')
           FROM jsonb_array_elements(previous) WITH ORDINALITY AS older (secret, n)
           WHERE (older.secret ->> 'until')::timestamptz > (SELECT base.clock_now())),
    previous_until = (SELECT base.clock_now()) + make_interval(hours => %(overlap_hours)s),
    sealed = %(sealed)s, rotated_at = (SELECT base.clock_now()),
    shown_at = CASE WHEN %(shown)s THEN (SELECT base.clock_now()) END
WHERE id = %(id)s AND (%(seen)s::text IS NULL OR md5(sealed) = %(seen)s)
  AND (SELECT count(*) FROM jsonb_array_elements(previous) AS older (secret)
       WHERE (older.secret ->> 'until')::timestamptz > (SELECT base.clock_now())) < %(most)s
RETURNING id, previous_until
