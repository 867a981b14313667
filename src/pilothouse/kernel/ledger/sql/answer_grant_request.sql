-- Guarded by the state and by the asker, so that two who answer at once are one answer. The trigger moves the money.
UPDATE grant_request SET state = %(state)s, decided_by = %(operator)s, decided_at = (SELECT base.clock_now()),
       answer = %(answer)s
WHERE public_id = %(public_id)s AND state = 'requested'
RETURNING id
