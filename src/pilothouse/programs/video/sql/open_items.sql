-- The items of these batches in the given states, locked in id order, for an ending by cancel or deadline.
SELECT id FROM item WHERE batch = ANY(%(batches)s::bigint[]) AND state = ANY(%(states)s::text[]) ORDER BY id FOR UPDATE
