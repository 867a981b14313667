INSERT INTO deal_mail (tenant, deal_id, key, about, actor, data, side, at, due_at, timer, sealed, outcome, error)
SELECT d.tenant, d.id, %(key)s, %(about)s, 'system', %(data)s::jsonb, %(side)s, (SELECT base.clock_now()),
       (SELECT base.clock_now()), NULL, '', '', ''
FROM deal d WHERE d.public_id = %(deal)s
ON CONFLICT DO NOTHING
