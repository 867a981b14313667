CREATE OR REPLACE FUNCTION lifecycle_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        RAISE EXCEPTION '% % cannot begin in state %', TG_TABLE_NAME, NEW.id, NEW.state USING ERRCODE = 'PH001';
    END IF;
    RAISE EXCEPTION '% % cannot go from % to %', TG_TABLE_NAME, NEW.id, OLD.state, NEW.state USING ERRCODE = 'PH001';
END $$;

-- Append-only, also for the owner and for TRUNCATE, which no privilege of a table owner would stop.
CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'PH002',
        HINT = 'Correct it with a new row.';
END $$;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- The foreign key of the timeline's tenant, once a statement.
CREATE OR REPLACE FUNCTION event_tenants() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT tenant FROM added) a
        WHERE NOT EXISTS (SELECT FROM tenant t WHERE t.id = a.tenant)
    ) THEN
        RAISE EXCEPTION 'an event names a tenant that is not there' USING ERRCODE = 'PH003';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER event_tenants AFTER INSERT ON event
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION event_tenants();

-- A seal takes the rows of finished transactions, in the order of their ids; this finds them.
CREATE INDEX IF NOT EXISTS event_tx ON event USING brin (tx);

-- What tells of a set of items is long, and mostly hashes: compressing it costs and gains nothing.
ALTER TABLE event ALTER COLUMN data SET STORAGE EXTERNAL;
