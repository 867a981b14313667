WITH jobs AS (
    DELETE FROM job WHERE state = 'done' AND ended_at < (SELECT base.clock_now()) - make_interval(days => %(days)s)
)
DELETE FROM worker WHERE seen_at < statement_timestamp() - make_interval(days => %(days)s)
