-- Money in escrow is where the deal's own row says, at every commit: the posting and the deal's state can only move
-- together, whoever writes either of them.
CREATE OR REPLACE FUNCTION deal_holds_its_escrow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    held bigint;
BEGIN
    IF TG_TABLE_NAME = 'account' THEN
        SELECT d.in_escrow INTO held FROM deal d WHERE d.public_id = NEW.ref AND d.tenant = NEW.tenant;
        IF (SELECT a.credits - a.debits FROM account a WHERE a.id = NEW.id) IS DISTINCT FROM coalesce(held, 0) THEN
            RAISE EXCEPTION 'the escrow of % holds another amount than its deal says', NEW.ref USING ERRCODE = 'PH003';
        END IF;
    ELSE
        SELECT d.in_escrow INTO held FROM deal d WHERE d.id = NEW.id;
        IF coalesce((SELECT a.credits - a.debits FROM account a WHERE a.id = NEW.escrow_account AND a.kind = 'escrow'
                       AND a.ref = NEW.public_id AND a.tenant = NEW.tenant), 0) <> held THEN
            RAISE EXCEPTION 'the deal % says another amount than its escrow holds', NEW.public_id
                USING ERRCODE = 'PH003';
        END IF;
    END IF;
    RETURN NULL;
END $$;
ALTER FUNCTION deal_holds_its_escrow() OWNER TO ph_ledger;

DROP TRIGGER IF EXISTS deal_holds_its_escrow ON account;
CREATE CONSTRAINT TRIGGER deal_holds_its_escrow AFTER UPDATE ON account
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'escrow')
    EXECUTE FUNCTION deal_holds_its_escrow();
DROP TRIGGER IF EXISTS deal_holds_its_escrow ON deal;
CREATE CONSTRAINT TRIGGER deal_holds_its_escrow AFTER UPDATE OF in_escrow ON deal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.in_escrow IS DISTINCT FROM NEW.in_escrow)
    EXECUTE FUNCTION deal_holds_its_escrow();

-- What both sides promised stays: the pinned terms, the unit, who they are once they joined, and the first price.
CREATE OR REPLACE FUNCTION deal_keeps_its_promise() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (OLD.terms_hash, OLD.unit, OLD.first_price, OLD.public_id, OLD.tenant)
        IS DISTINCT FROM (NEW.terms_hash, NEW.unit, NEW.first_price, NEW.public_id, NEW.tenant)
        AND OLD.state <> 'DRAFT' THEN
        RAISE EXCEPTION 'a deal keeps what was promised' USING ERRCODE = 'PH003';
    END IF;
    IF NEW.price > OLD.price AND OLD.state <> 'DRAFT' OR NEW.price <> OLD.price AND OLD.handover_filed_at IS NOT NULL
    THEN
        RAISE EXCEPTION 'a price only falls, and only before handover' USING ERRCODE = 'PH003';
    END IF;
    IF OLD.buyer_id IS NOT NULL AND NEW.buyer_id IS DISTINCT FROM OLD.buyer_id
        OR OLD.seller_id IS NOT NULL AND NEW.seller_id IS DISTINCT FROM OLD.seller_id THEN
        RAISE EXCEPTION 'a party of a deal stays its party' USING ERRCODE = 'PH003';
    END IF;
    IF OLD.item IS DISTINCT FROM NEW.item AND OLD.state <> 'DRAFT' THEN
        RAISE EXCEPTION 'what is sold is part of the offer' USING ERRCODE = 'PH003';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER deal_keeps_its_promise BEFORE UPDATE ON deal
    FOR EACH ROW EXECUTE FUNCTION deal_keeps_its_promise();

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON deal_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON deal
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
