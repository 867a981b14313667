-- Each item is written twice more: half of each page is left free, so that the new version finds room beside the old one
-- without a split, and the log holds only what changed.
ALTER TABLE item SET (fillfactor = 50);
ALTER INDEX item_pkey SET (fillfactor = 50);
ALTER INDEX item_public_id SET (fillfactor = 50);
ALTER INDEX item_position_once SET (fillfactor = 50);

-- The foreign key of an item and of a request, once a statement: its batch is there, of the same tenant.
CREATE OR REPLACE FUNCTION item_parents() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT tenant, batch FROM added) a
        WHERE NOT EXISTS (SELECT FROM batch b WHERE b.id = a.batch AND b.tenant = a.tenant)
    ) THEN
        RAISE EXCEPTION '% names a batch that is not there or of another tenant', TG_TABLE_NAME USING ERRCODE = 'PH003';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER item_parents AFTER INSERT ON item
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION item_parents();
CREATE OR REPLACE TRIGGER item_parents AFTER INSERT ON batch_request
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION item_parents();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON batch_request
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- A batch reserves, settles and refunds in the unit of its mode: its three accounts are there, its own tenant's, of the
-- right kind and in its unit. Together with the CHECK on mode and unit no test batch can touch real credits, nor a live
-- one be paid with credits without value.
CREATE OR REPLACE FUNCTION batch_accounts() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM account a
        WHERE a.tenant = NEW.tenant AND a.unit = NEW.unit
          AND (a.id, a.kind) IN ((NEW.wallet_account, 'wallet'), (NEW.held_account, 'held'),
                                 (NEW.earned_account, 'credits_earned'))) <> 3 THEN
        RAISE EXCEPTION 'a batch names an account of another tenant, kind or unit' USING ERRCODE = 'PH003';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER batch_accounts AFTER INSERT ON batch FOR EACH ROW EXECUTE FUNCTION batch_accounts();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON confirmation
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
