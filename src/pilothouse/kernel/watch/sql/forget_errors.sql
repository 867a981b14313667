-- machine time: what is old enough is deleted, groups last because hours point to them.
WITH hours AS (
    DELETE FROM error_hour WHERE hour < statement_timestamp() - make_interval(days => %(days)s)
), days AS (
    DELETE FROM client_day WHERE day < (statement_timestamp() AT TIME ZONE 'UTC')::date - %(days)s
)
SELECT 1
