INSERT INTO worker (name, started_at, seen_at) VALUES (%(name)s, statement_timestamp(), statement_timestamp())
ON CONFLICT (name) DO UPDATE SET seen_at = statement_timestamp(), stopped_at = CASE WHEN %(stop)s THEN statement_timestamp() END
