INSERT INTO invitation (tenant, public_id, email, role, state, token_hash, created_at, created_by, last_sent_at, sends,
                        expires_at)
SELECT %(tenant)s, %(public_id)s, %(email)s, %(role)s, 'sent', %(token_hash)s, c.at, %(actor)s, c.at, 1,
       c.at + make_interval(hours => %(hours)s)
FROM (SELECT base.clock_now() AS at) c
ON CONFLICT (tenant, email) WHERE state = 'sent' DO NOTHING
RETURNING id
