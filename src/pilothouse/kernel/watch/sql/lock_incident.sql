SELECT id, public_id, kind, severity, state, program, tenant, subject, title, check_name, owner, root_cause,
       root_cause_by, (SELECT base.clock_now()) AS now
FROM incident WHERE public_id = %(public_id)s FOR UPDATE
