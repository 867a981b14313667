-- machine time: a group that has no hour left.
DELETE FROM error_group g WHERE g.last_at < statement_timestamp() - make_interval(days => %(days)s)
  AND NOT EXISTS (SELECT FROM error_hour h WHERE h.group_id = g.id)
