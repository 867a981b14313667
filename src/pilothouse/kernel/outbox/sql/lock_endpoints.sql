-- Two presses of "send again" pass one after the other: the second then sees what the first has queued.
SELECT id FROM endpoint
WHERE tenant = %(tenant)s AND (%(endpoint)s::text IS NULL OR public_id = %(endpoint)s) ORDER BY id FOR NO KEY UPDATE
