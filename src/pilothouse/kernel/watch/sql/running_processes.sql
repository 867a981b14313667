SELECT name, kind, report FROM process
WHERE seen_at > statement_timestamp() - make_interval(secs => %(fresh_s)s) ORDER BY kind, name
