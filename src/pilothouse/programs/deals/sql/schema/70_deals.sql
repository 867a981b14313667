-- Money is where the deal's own row says, at every commit: in escrow, and all that ever went to either side. The posting
-- and the deal's row can only move together, whoever writes either of them.
CREATE OR REPLACE FUNCTION deal_holds_its_escrow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    of_deal bigint;
    d record;
BEGIN
    IF TG_TABLE_NAME = 'account' THEN
        SELECT q.id INTO of_deal FROM deal q WHERE q.public_id = NEW.ref AND q.tenant = NEW.tenant;
    ELSE
        of_deal := NEW.id;
    END IF;
    SELECT q.public_id, q.funded, q.in_escrow, q.to_seller, q.to_buyer + q.returned AS to_buyer,
           coalesce(e.credits, 0) AS came, coalesce(e.credits - e.debits, 0) AS held,
           coalesce(s.credits, 0) AS released, coalesce(b.credits, 0) AS given_back
    INTO d
    FROM deal q
    LEFT JOIN account e ON e.id = q.escrow_account AND e.kind = 'escrow' AND e.ref = q.public_id AND e.tenant = q.tenant
    LEFT JOIN account s ON s.id = q.seller_account AND s.kind = 'payable' AND s.ref = q.public_id AND s.tenant = q.tenant
    LEFT JOIN account b ON b.id = q.buyer_account AND b.kind = 'refund_due' AND b.ref = q.public_id AND b.tenant = q.tenant
    WHERE q.id = of_deal;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'money in escrow belongs to a deal' USING ERRCODE = 'PH003';
    END IF;
    IF (d.funded, d.in_escrow, d.to_seller, d.to_buyer) IS DISTINCT FROM (d.came, d.held, d.released, d.given_back) THEN
        RAISE EXCEPTION 'the escrow of % holds another amount than its deal says', d.public_id USING ERRCODE = 'PH003';
    END IF;
    RETURN NULL;
END $$;
ALTER FUNCTION deal_holds_its_escrow() OWNER TO ph_ledger;

DROP TRIGGER IF EXISTS deal_holds_its_escrow ON account;
CREATE CONSTRAINT TRIGGER deal_holds_its_escrow AFTER UPDATE ON account
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'escrow')
    EXECUTE FUNCTION deal_holds_its_escrow();
DROP TRIGGER IF EXISTS deal_holds_its_escrow ON deal;
CREATE CONSTRAINT TRIGGER deal_holds_its_escrow AFTER UPDATE ON deal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.funded, OLD.in_escrow, OLD.to_seller, OLD.to_buyer, OLD.returned, OLD.escrow_account, OLD.seller_account, OLD.buyer_account)
          IS DISTINCT FROM
          (NEW.funded, NEW.in_escrow, NEW.to_seller, NEW.to_buyer, NEW.returned, NEW.escrow_account, NEW.seller_account, NEW.buyer_account))
    EXECUTE FUNCTION deal_holds_its_escrow();

-- What a deal owes is paid to the one who stands on that side of it.
CREATE OR REPLACE FUNCTION deal_pays_its_party() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.person_id IS DISTINCT FROM (
        SELECT CASE NEW.side WHEN 'seller' THEN d.seller_id ELSE d.buyer_id END FROM deal d
        WHERE d.public_id = NEW.subject_ref AND d.tenant = NEW.tenant
    ) THEN
        RAISE EXCEPTION 'a payout of a deal goes to its party' USING ERRCODE = 'PH003';
    END IF;
    RETURN NEW;
END $$;
ALTER FUNCTION deal_pays_its_party() OWNER TO ph_ledger;
CREATE OR REPLACE TRIGGER deal_pays_its_party BEFORE INSERT ON payout FOR EACH ROW
    WHEN (NEW.subject_kind = 'deal') EXECUTE FUNCTION deal_pays_its_party();

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
