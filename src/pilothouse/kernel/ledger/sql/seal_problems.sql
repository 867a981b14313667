SELECT p.tenant, t.public_id, p.stream, p.n, p.problem
FROM seal_problems(%(tenant)s) p LEFT JOIN tenant t ON t.id = p.tenant ORDER BY p.tenant, p.stream, p.n
