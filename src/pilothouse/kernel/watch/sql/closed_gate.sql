SELECT id, public_id FROM gate
WHERE program = %(program)s AND tenant IS NOT DISTINCT FROM %(tenant)s::bigint AND mode = %(mode)s AND opened_at IS NULL
