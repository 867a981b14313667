-- The triggers, constraints and row-level security that hold the ledger are in force
WITH expected (name, what) AS (VALUES
    ('transfer', 'trigger ledger_post'), ('transfer', 'trigger append_only'), ('journal', 'trigger append_only'),
    ('journal', 'trigger check_stamps'), ('journal', 'trigger check_web_journals'),
    ('journal', 'trigger check_reversals'), ('event', 'trigger append_only'),
    ('event', 'trigger check_stamps'), ('event', 'trigger event_tenants'), ('seal', 'trigger append_only'),
    ('sealed_day', 'trigger append_only'), ('sealed_day', 'security'),
    ('account', 'trigger append_only'), ('account', 'trigger account_kind'),
    ('account', 'constraint account_floor'), ('account', 'index account_once'),
    ('transfer', 'constraint transfer_amount_positive'), ('transfer', 'constraint transfer_two_accounts'),
    ('transfer', 'index transfer_terminal_once'), ('transfer', 'index transfer_reserve_once'),
    ('journal', 'index journal_key_once'), ('journal', 'index journal_reversed_once'),
    ('account', 'security'), ('journal', 'security'), ('transfer', 'security'), ('event', 'security'),
    ('seal', 'security')
), found AS (
    SELECT c.relname AS name, 'trigger ' || g.tgname AS what FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
    WHERE c.relnamespace = 'public'::regnamespace AND g.tgenabled IN ('O', 'A')
    UNION ALL
    SELECT c.relname, 'constraint ' || k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT c.relname, 'index ' || i.relname FROM pg_index x
    JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    WHERE c.relnamespace = 'public'::regnamespace AND x.indisunique AND x.indisvalid
    UNION ALL
    SELECT c.relname, 'security' FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relrowsecurity AND c.relforcerowsecurity
)
SELECT NULL::bigint AS tenant, e.name AS "table", e.what AS missing
FROM expected e LEFT JOIN found f USING (name, what) WHERE f.name IS NULL
