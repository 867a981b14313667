-- Deals with what runs for each. "stuck" are open ones that nothing moves on, or whose timer should have fired. The page
-- is chosen first, so that only its rows are looked into.
WITH late AS (
    SELECT t.subject_kind, t.subject_id FROM timer t
    WHERE %(state)s = 'stuck' AND t.state = 'armed' AND t.subject_kind IN ('deal', 'dispute')
      AND t.due_at < (SELECT base.clock_now()) - make_interval(secs => %(late_s)s)
), running AS (
    SELECT t.subject_kind, t.subject_id FROM timer t
    WHERE %(state)s = 'stuck' AND t.state = 'armed' AND t.subject_kind IN ('deal', 'dispute')
), picked AS (
    SELECT d.id
    FROM deal d
    JOIN tenant n ON n.id = d.tenant
    WHERE CASE %(state)s WHEN '' THEN true WHEN 'open' THEN d.ended_at IS NULL
               WHEN 'stuck' THEN d.ended_at IS NULL AND (
                   d.id IN (SELECT subject_id FROM late WHERE subject_kind = 'deal')
                   OR d.id IN (SELECT p.deal_id FROM dispute p
                               WHERE p.id IN (SELECT subject_id FROM late WHERE subject_kind = 'dispute'))
                   OR d.id NOT IN (SELECT subject_id FROM running WHERE subject_kind = 'deal')
                   AND d.id NOT IN (SELECT p.deal_id FROM dispute p
                                    WHERE p.id IN (SELECT subject_id FROM running WHERE subject_kind = 'dispute')))
               ELSE d.state = %(state)s END
      AND (%(search)s = '' OR d.public_id = %(search)s OR d.title ILIKE '%%' || %(search)s || '%%'
           OR n.name ILIKE '%%' || %(search)s || '%%')
    ORDER BY d.id DESC OFFSET %(skip)s LIMIT %(count)s
)
SELECT d.public_id, d.state, d.title, d.unit, d.price, d.in_escrow, d.template, d.terms_version, d.created_at, d.ended_at,
       d.ended_by, n.name AS tenant_name, t.name AS timer, t.due_at, t.armed_at, (SELECT base.clock_now()) AS now
FROM picked k
JOIN deal d ON d.id = k.id
JOIN tenant n ON n.id = d.tenant
LEFT JOIN LATERAL (
    SELECT t.name, t.due_at, t.armed_at FROM timer t
    WHERE t.state = 'armed' AND (t.subject_kind, t.subject_id) IN (
        ('deal', d.id), ('dispute', (SELECT p.id FROM dispute p WHERE p.deal_id = d.id)))
    ORDER BY t.due_at LIMIT 1
) t ON true
ORDER BY d.id DESC
