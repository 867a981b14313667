-- A file without an end is kept already. Locked in id order first: two batches may name the same files.
WITH locked AS (
    SELECT id FROM file WHERE public_id = ANY (%(public_ids)s) AND state = 'stored' ORDER BY id FOR UPDATE
)
UPDATE file f
SET expires_at = CASE WHEN f.expires_at IS NOT NULL
                      THEN greatest(f.expires_at, (SELECT base.clock_now()) + make_interval(secs => %(kept_s)s)) END
FROM locked l WHERE f.id = l.id AND f.state = 'stored'
RETURNING f.public_id
