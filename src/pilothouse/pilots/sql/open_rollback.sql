INSERT INTO rollback (public_id, tenant, program, state, reason, opened_at, opened_by, export, subject, words, told,
                      resumed_told)
VALUES (%(public_id)s, %(tenant)s, %(program)s, 'stopped', %(reason)s, (SELECT base.clock_now()), %(actor)s, '{}',
        %(subject)s, %(words)s, '{}', '{}')
ON CONFLICT (tenant, program) WHERE NOT (state = 'resumed') DO NOTHING
RETURNING id
