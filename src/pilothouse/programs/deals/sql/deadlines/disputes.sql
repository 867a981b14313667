-- Every dispute whose time has come, or that people ended: one that its own timer had to end was late.
SELECT 'dispute' AS kind, p.id, '' AS what, p.due_at, p.ended_at AS done_at,
       p.state = 'EXPIRED' OR coalesce(p.ended_at, (SELECT base.clock_now())) > p.due_at AS late, false AS excused
FROM dispute p
WHERE p.ended_at IS NOT NULL OR p.due_at <= (SELECT base.clock_now())
