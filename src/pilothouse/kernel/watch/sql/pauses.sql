-- Gates over one tenant, its own and everybody's: those that are closed, then those that were within the last days.
SELECT g.program, g.mode, g.reason, g.closed_at, g.opened_at FROM gate g
WHERE (g.tenant IS NULL OR g.tenant = %(tenant)s)
  AND (g.opened_at IS NULL OR g.opened_at > (SELECT base.clock_now()) - make_interval(days => %(days)s))
ORDER BY g.opened_at IS NOT NULL, g.closed_at DESC, g.id DESC
LIMIT %(count)s
