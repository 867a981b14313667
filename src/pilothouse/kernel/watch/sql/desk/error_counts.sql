-- machine time: errors are counted by the machine's hours.
SELECT g.kind, sum(h.count)::bigint AS count, count(DISTINCT g.id) AS groups
FROM error_hour h JOIN error_group g ON g.id = h.group_id
WHERE h.hour > statement_timestamp() - make_interval(hours => %(hours)s) GROUP BY g.kind
