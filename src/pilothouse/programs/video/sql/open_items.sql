-- The items of these batches in one state, locked, for an ending by cancel or deadline.
SELECT id FROM item WHERE batch = ANY(%(batches)s::bigint[]) AND state = %(state)s ORDER BY id FOR UPDATE
