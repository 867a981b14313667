INSERT INTO process (name, kind, report, seen_at)
VALUES (%(name)s, %(kind)s, %(report)s::jsonb, statement_timestamp())
ON CONFLICT (name) DO UPDATE SET report = EXCLUDED.report, seen_at = EXCLUDED.seen_at
