SELECT id, public_id, program, tenant, mode, opened_at FROM gate WHERE public_id = %(public_id)s FOR UPDATE
