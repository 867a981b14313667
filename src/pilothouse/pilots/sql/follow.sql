INSERT INTO digest_plan (tenant, program, started_at) VALUES (%(tenant)s, %(program)s, (SELECT base.clock_now()))
ON CONFLICT (tenant, program) DO NOTHING RETURNING id
