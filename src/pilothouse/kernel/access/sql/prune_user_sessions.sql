-- Where each session was seen; machine time, as the session's own end.
DELETE FROM usersessions_usersession WHERE last_seen_at < statement_timestamp() - make_interval(secs => %(life_s)s)
