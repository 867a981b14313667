DELETE FROM api_usage WHERE id IN (
    SELECT id FROM api_usage WHERE at < (SELECT base.clock_now()) - make_interval(days => %(days)s) LIMIT %(count)s
)
