-- machine time: when a machine told us, and when the worker looks at it
INSERT INTO processor_event (event_id, type, facts, received_at, next_run_at, attempts, outcome)
VALUES (%(event_id)s, %(type)s, %(facts)s::jsonb, statement_timestamp(), statement_timestamp(), 0, '')
ON CONFLICT (event_id) DO NOTHING
