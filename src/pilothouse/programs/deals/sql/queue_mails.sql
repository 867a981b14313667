-- One row for the newest event of each subject, if it is told, and one for each reminder before the end of its armed
-- timers. A timer that is shorter than the notice gets no reminder; what was queued before is not queued again.
WITH subject AS MATERIALIZED (
    SELECT d.id AS deal, d.tenant, CASE WHEN %(kind)s = 'deal' THEN d.id ELSE p.id END AS id
    FROM deal d LEFT JOIN dispute p ON p.deal_id = d.id
    WHERE d.id = ANY(%(deals)s::bigint[])
)
INSERT INTO deal_mail (tenant, deal_id, key, about, actor, data, side, at, due_at, timer, sealed, outcome, error)
SELECT s.tenant, s.deal, 'event:' || e.id, e.type, e.actor, e.data, '', e.at, e.at, NULL, %(sealed)s, '', ''
FROM subject s
CROSS JOIN LATERAL (
    SELECT v.id, v.type, v.actor, v.data, v.at FROM event v
    WHERE v.subject_kind = %(kind)s AND v.subject_id = s.id ORDER BY v.seq DESC LIMIT 1
) e
WHERE e.type = ANY(%(told)s::text[])
UNION ALL
SELECT s.tenant, s.deal, 'timer:' || t.id || ':' || b.before_s, 'reminder', 'system',
       jsonb_build_object('before_s', b.before_s, 'timer', t.name), '', t.due_at,
       t.due_at - make_interval(secs => b.before_s), t.id, '', '', ''
FROM subject s
JOIN timer t ON t.subject_kind = %(kind)s AND t.subject_id = s.id AND t.state = 'armed'
CROSS JOIN unnest(%(before_s)s::integer[]) AS b (before_s)
WHERE t.due_at - make_interval(secs => b.before_s) > (SELECT base.clock_now())
ON CONFLICT DO NOTHING
