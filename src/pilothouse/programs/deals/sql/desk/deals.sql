-- Deals with what runs for each. "stuck" are open ones that nothing moves on, or whose timer should have fired.
SELECT d.public_id, d.state, d.title, d.unit, d.price, d.in_escrow, d.template, d.terms_version, d.created_at, d.ended_at,
       d.ended_by, n.name AS tenant_name, t.name AS timer, t.due_at, t.armed_at, (SELECT base.clock_now()) AS now
FROM deal d
JOIN tenant n ON n.id = d.tenant
LEFT JOIN LATERAL (
    SELECT t.name, t.due_at, t.armed_at FROM timer t
    WHERE t.state = 'armed' AND (t.subject_kind, t.subject_id) IN (
        ('deal', d.id), ('dispute', (SELECT p.id FROM dispute p WHERE p.deal_id = d.id)))
    ORDER BY t.due_at LIMIT 1
) t ON true
WHERE CASE %(state)s WHEN '' THEN true WHEN 'open' THEN d.ended_at IS NULL
           WHEN 'stuck' THEN d.ended_at IS NULL
               AND (t.due_at IS NULL OR t.due_at < (SELECT base.clock_now()) - make_interval(secs => %(late_s)s))
           ELSE d.state = %(state)s END
  AND (%(search)s = '' OR d.public_id = %(search)s OR d.title ILIKE '%%' || %(search)s || '%%'
       OR n.name ILIKE '%%' || %(search)s || '%%')
ORDER BY d.id DESC OFFSET %(skip)s LIMIT %(count)s
