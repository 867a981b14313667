-- Pilots whose state is not what the gates over their account say.
SELECT p.public_id FROM pilot p
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM gates_over(p.program, 'no_new', p.tenant) g WHERE g.opened_at IS NULL)
        OR EXISTS (SELECT FROM gates_over(p.program, 'no_dispatch', p.tenant) g WHERE g.opened_at IS NULL) AS closed
) s
WHERE p.state IN ('active', 'review') AND s.closed OR p.state = 'paused' AND NOT s.closed
ORDER BY p.id LIMIT %(count)s
