-- A row's transaction number and machine time are stamps, not inputs: with another number a seal would never take the
-- row, with another time a statement's cut-off would move. A minute of slack lets the machine's clock be set.
CREATE OR REPLACE FUNCTION check_stamps() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM stamped
        WHERE tx <> (SELECT base.tx())
           OR recorded_at NOT BETWEEN least(transaction_timestamp(), clock_timestamp()) - interval '1 minute'
                                  AND clock_timestamp() + interval '1 minute'
    ) THEN
        RAISE EXCEPTION 'a row of % carries another transaction number or time of record than its own', TG_TABLE_NAME
            USING ERRCODE = 'PH003';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER check_stamps AFTER INSERT ON journal
    REFERENCING NEW TABLE AS stamped FOR EACH STATEMENT EXECUTE FUNCTION check_stamps();
CREATE OR REPLACE TRIGGER check_stamps AFTER INSERT ON event
    REFERENCING NEW TABLE AS stamped FOR EACH STATEMENT EXECUTE FUNCTION check_stamps();

-- A reversal names a journal of its own tenant; the ledger's reader would otherwise learn that another one exists.
CREATE OR REPLACE FUNCTION check_reversals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM journal j WHERE j.id = NEW.reverses AND j.tenant = NEW.tenant AND j.id <> NEW.id) THEN
        RAISE EXCEPTION 'a reversal names a journal that is not there or of another tenant' USING ERRCODE = 'PH003';
    END IF;
    RETURN NULL;
END $$;
ALTER FUNCTION check_reversals() OWNER TO ph_ledger;
CREATE OR REPLACE TRIGGER check_reversals AFTER INSERT ON journal
    FOR EACH ROW WHEN (NEW.reverses IS NOT NULL) EXECUTE FUNCTION check_reversals();
