INSERT INTO parity_proof (public_id, tenant, program, first, second, state, actor)
VALUES (%(public_id)s, %(tenant)s, %(program)s, %(first)s, %(second)s, %(state)s, %(actor)s)
ON CONFLICT (tenant, program, first, second) DO NOTHING
RETURNING id
