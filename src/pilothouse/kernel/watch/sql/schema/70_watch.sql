-- The JSON of stored bytes, or null when they hold none: a damaged body is a finding of a check, never its failure.
CREATE OR REPLACE FUNCTION json_or_null(body bytea) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN convert_from(body, 'UTF8')::jsonb;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;

-- The gates, closed now or once, that a program's tenant stands behind: the one place that says whom a gate holds.
-- A plain SQL function in FROM is inlined, so a claim pays for it what it would pay for the condition written out.
CREATE OR REPLACE FUNCTION gates_over(program text, mode text, tenant bigint) RETURNS SETOF gate
LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT * FROM public.gate g WHERE g.program = $1 AND g.mode = $2 AND (g.tenant IS NULL OR g.tenant = $3)';

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON incident_event
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON incident
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON gate
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accepted_finding
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checklist_run
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checklist_line
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- A proof of parity begins unchecked and its instant is the database's. Its program's own trigger, which comes after
-- this one by its name, compares the rows and says that it did; where there is none a CHECK refuses the row.
CREATE OR REPLACE FUNCTION parity_proof_begins() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.is_checked := false;
    NEW.at := (SELECT base.clock_now());
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER aa_parity_proof_begins BEFORE INSERT ON parity_proof
    FOR EACH ROW EXECUTE FUNCTION parity_proof_begins();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON parity_proof
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
