SELECT p.id, p.public_id, p.tenant, p.program, p.state, p.company, p.phase, p.attempt, p.runbook, p.runbook_version, p.runbook_hash,
       p.created_at, p.since, p.deadline_at, p.deadline_left_s, p.paused_at, p.pause_reason, p.review_at, p.verdict,
       p.recommendation, p.owner, p.due_at, p.ended_at, t.name AS tenant_name, t.public_id AS tenant_id, t.timezone,
       (SELECT base.clock_now()) AS now,
       m.timer_at
FROM pilot p JOIN tenant t ON t.id = p.tenant
CROSS JOIN LATERAL (
    SELECT min(m.due_at) AS timer_at FROM timer m
    WHERE m.subject_kind = 'pilot' AND m.subject_id = p.id AND m.state = 'armed'
) m
WHERE (cardinality(%(states)s::text[]) = 0 OR p.state = ANY(%(states)s::text[]))
  AND (%(program)s = '' OR p.program = %(program)s)
  AND (%(search)s = '' OR p.company ILIKE '%%' || %(search)s || '%%' OR p.public_id = %(search)s)
ORDER BY CASE WHEN %(by_due)s THEN coalesce(p.due_at, m.timer_at) END, p.id DESC LIMIT %(count)s OFFSET %(skip)s
