-- Nothing when it stands already: a second click, or the form of another tab.
INSERT INTO platform_flag (name, value, reason, set_at, set_by)
SELECT %(name)s, %(value)s::jsonb, %(reason)s, (SELECT base.clock_now()), %(actor)s
WHERE (%(value)s::jsonb, %(reason)s::text) IS DISTINCT FROM (
    SELECT (value, reason::text) FROM platform_flag WHERE name = %(name)s ORDER BY id DESC LIMIT 1
)
RETURNING id
