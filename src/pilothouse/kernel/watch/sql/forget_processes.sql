DELETE FROM process WHERE seen_at < statement_timestamp() - make_interval(days => %(days)s)
