-- Each payment, chargeback, return, payout and settlement has its row and its rows in the ledger, and at every commit
-- the two say the same amount: neither can be written twice, forgotten or bent without the other, whoever writes it. The
-- functions look once all of a transaction is written, each with a fresh look at what is committed by others.

-- A payment's own suspense account: filled once with the amount, emptied by exactly what it paid and what went back, and
-- still holding what a refund on its way will take.
CREATE OR REPLACE FUNCTION payment_agrees(of_payment bigint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p record;
    posted bigint;
    written bigint;
    promised bigint;
BEGIN
    SELECT q.tenant, q.public_id, q.amount, q.matched, q.returned, coalesce(a.credits, 0) AS came,
           coalesce(a.debits, 0) AS went
    INTO p FROM payment q LEFT JOIN account a
      ON a.tenant = q.tenant AND a.kind = 'suspense' AND a.ref = q.public_id AND a.unit = q.unit
    WHERE q.id = of_payment;
    SELECT coalesce(sum(x.amount), 0) INTO posted FROM journal j JOIN transfer x ON x.journal = j.id
    WHERE j.tenant = p.tenant AND j.ref_id = p.public_id AND j.kind = 'send_back';
    SELECT coalesce(sum(r.amount), 0) INTO written FROM payment_return r WHERE r.payment_id = of_payment;
    SELECT coalesce(sum(f.amount), 0) INTO promised FROM refund f
    WHERE f.payment_id = of_payment AND f.state IN ('due', 'sent');
    IF p.came <> p.amount OR p.went <> p.matched + p.returned OR posted <> p.returned OR written <> p.returned THEN
        RAISE EXCEPTION 'the payment % says another amount than its suspense holds', p.public_id USING ERRCODE = 'PH003';
    END IF;
    IF promised > p.amount - p.matched - p.returned THEN
        RAISE EXCEPTION 'a refund of the payment % is on its way, so its money cannot go elsewhere', p.public_id
            USING ERRCODE = 'PH003';
    END IF;
END $$;
ALTER FUNCTION payment_agrees(bigint) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION payment_agrees(bigint) FROM PUBLIC;

-- A chargeback's own suspense account: short of the amount while it is open, even once it is won (the money came back) or
-- lost (it was written off).
CREATE OR REPLACE FUNCTION chargeback_agrees(of_chargeback bigint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c record;
    back bigint;
BEGIN
    SELECT q.tenant, q.public_id, q.state, q.amount, coalesce(a.credits, 0) AS came, coalesce(a.debits, 0) AS went
    INTO c FROM chargeback q LEFT JOIN account a
      ON a.tenant = q.tenant AND a.kind = 'suspense' AND a.ref = q.public_id AND a.unit = q.unit
    WHERE q.id = of_chargeback;
    SELECT coalesce(sum(x.amount), 0) INTO back FROM journal j JOIN transfer x ON x.journal = j.id
    WHERE j.tenant = c.tenant AND j.ref_id = c.public_id
      AND j.kind = CASE c.state WHEN 'won' THEN 'receive' WHEN 'lost' THEN 'charge_off' END;
    IF c.went <> c.amount OR c.came <> (CASE c.state WHEN 'open' THEN 0 ELSE c.amount END) OR back <> c.came THEN
        RAISE EXCEPTION 'the chargeback % says another amount than its suspense holds', c.public_id
            USING ERRCODE = 'PH003';
    END IF;
END $$;
ALTER FUNCTION chargeback_agrees(bigint) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION chargeback_agrees(bigint) FROM PUBLIC;

-- What left a payable or refund-due account is exactly its confirmed payouts.
CREATE OR REPLACE FUNCTION payouts_agree(of_account bigint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (SELECT a.debits FROM account a WHERE a.id = of_account) IS DISTINCT FROM (
        SELECT coalesce(sum(p.amount), 0) FROM payout p WHERE p.account = of_account AND p.state = 'confirmed'
    ) THEN
        RAISE EXCEPTION 'the payouts of an account say another amount than left it' USING ERRCODE = 'PH003';
    END IF;
END $$;
ALTER FUNCTION payouts_agree(bigint) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION payouts_agree(bigint) FROM PUBLIC;

-- What the processor paid to our bank and kept for itself: one row, one journal, the same two amounts.
CREATE OR REPLACE FUNCTION settlement_agrees(of_tenant bigint, named text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    arrived bigint;
    kept bigint;
BEGIN
    SELECT coalesce(sum(x.amount) FILTER (WHERE d.kind = 'world_bank'), 0),
           coalesce(sum(x.amount) FILTER (WHERE d.kind = 'processor_fees'), 0)
    INTO arrived, kept
    FROM journal j JOIN transfer x ON x.journal = j.id JOIN account d ON d.id = x.debit
    WHERE j.tenant = of_tenant AND j.ref_id = named AND j.kind = 'collect';
    IF NOT EXISTS (
        SELECT FROM processor_settlement s
        WHERE s.tenant = of_tenant AND s.public_id = named AND s.amount = arrived AND s.fees = kept
    ) THEN
        RAISE EXCEPTION 'the settlement % says another amount than was collected', named USING ERRCODE = 'PH003';
    END IF;
END $$;
ALTER FUNCTION settlement_agrees(bigint, text) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION settlement_agrees(bigint, text) FROM PUBLIC;

-- Which of the above a changed row asks for. A suspense account belongs to a payment or a chargeback, or holds nothing.
CREATE OR REPLACE FUNCTION payments_agree() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    of_payment bigint;
    of_chargeback bigint;
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'payment' THEN PERFORM payment_agrees(NEW.id);
        WHEN 'payment_return', 'refund' THEN PERFORM payment_agrees(NEW.payment_id);
        WHEN 'chargeback' THEN PERFORM chargeback_agrees(NEW.id);
        WHEN 'payout' THEN PERFORM payouts_agree(NEW.account);
        WHEN 'processor_settlement' THEN PERFORM settlement_agrees(NEW.tenant, NEW.public_id);
        WHEN 'journal' THEN PERFORM settlement_agrees(NEW.tenant, NEW.ref_id);
        ELSE
            IF NEW.kind <> 'suspense' THEN
                PERFORM payouts_agree(NEW.id);
                RETURN NULL;
            END IF;
            SELECT p.id INTO of_payment FROM payment p WHERE p.public_id = NEW.ref AND p.tenant = NEW.tenant;
            SELECT c.id INTO of_chargeback FROM chargeback c WHERE c.public_id = NEW.ref AND c.tenant = NEW.tenant;
            IF of_payment IS NOT NULL THEN
                PERFORM payment_agrees(of_payment);
            ELSIF of_chargeback IS NOT NULL THEN
                PERFORM chargeback_agrees(of_chargeback);
            ELSE
                RAISE EXCEPTION 'money in suspense belongs to a payment or a chargeback' USING ERRCODE = 'PH003';
            END IF;
    END CASE;
    RETURN NULL;
END $$;
ALTER FUNCTION payments_agree() OWNER TO ph_ledger;

DROP TRIGGER IF EXISTS payments_agree ON account;
CREATE CONSTRAINT TRIGGER payments_agree AFTER UPDATE ON account DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.kind = 'suspense' OR NEW.kind IN ('payable', 'refund_due') AND NEW.debits <> OLD.debits)
    EXECUTE FUNCTION payments_agree();
DROP TRIGGER IF EXISTS payments_agree ON payment;
CREATE CONSTRAINT TRIGGER payments_agree AFTER INSERT OR UPDATE ON payment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_agree();
DROP TRIGGER IF EXISTS payments_agree ON payment_return;
CREATE CONSTRAINT TRIGGER payments_agree AFTER INSERT ON payment_return
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_agree();
DROP TRIGGER IF EXISTS payments_agree ON refund;
CREATE CONSTRAINT TRIGGER payments_agree AFTER INSERT OR UPDATE OF state ON refund
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_agree();
DROP TRIGGER IF EXISTS payments_agree ON chargeback;
CREATE CONSTRAINT TRIGGER payments_agree AFTER INSERT OR UPDATE OF state ON chargeback
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_agree();
DROP TRIGGER IF EXISTS payments_agree ON payout;
CREATE CONSTRAINT TRIGGER payments_agree AFTER UPDATE OF state ON payout DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.state = 'confirmed') EXECUTE FUNCTION payments_agree();
DROP TRIGGER IF EXISTS payments_agree ON processor_settlement;
CREATE CONSTRAINT TRIGGER payments_agree AFTER INSERT ON processor_settlement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_agree();
DROP TRIGGER IF EXISTS payments_agree ON journal;
CREATE CONSTRAINT TRIGGER payments_agree AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.kind = 'collect') EXECUTE FUNCTION payments_agree();

-- A payout is what its account owes at this moment, read with the account locked against postings: a worker that looked
-- before another one's payout was confirmed makes none, or one of the rest.
CREATE OR REPLACE FUNCTION payout_is_owed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
BEGIN
    SELECT * INTO a FROM account WHERE id = NEW.account FOR SHARE;
    IF (a.tenant, a.unit, a.ref, a.kind) IS DISTINCT FROM (
        NEW.tenant, NEW.unit, NEW.subject_ref, CASE NEW.side WHEN 'seller' THEN 'payable' ELSE 'refund_due' END
    ) THEN
        RAISE EXCEPTION 'a payout names another account than that of its side' USING ERRCODE = 'PH003';
    END IF;
    IF a.credits <= a.debits THEN
        RETURN NULL;
    END IF;
    NEW.amount := a.credits - a.debits;
    RETURN NEW;
END $$;
ALTER FUNCTION payout_is_owed() OWNER TO ph_ledger;
CREATE OR REPLACE TRIGGER payout_is_owed BEFORE INSERT ON payout FOR EACH ROW EXECUTE FUNCTION payout_is_owed();

-- Money goes to an account of the one to whom it is owed, which they confirmed and whose wait is over.
CREATE OR REPLACE FUNCTION payout_goes_home() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM bank_account b
        WHERE b.id = NEW.bank_account_id AND b.tenant = NEW.tenant AND b.person_id = NEW.person_id AND b.unit = NEW.unit
          AND b.state = 'confirmed' AND b.usable_from <= (SELECT base.clock_now())
    ) THEN
        RAISE EXCEPTION 'a payout goes to a usable bank account of the one to whom it is owed' USING ERRCODE = 'PH003';
    END IF;
    RETURN NEW;
END $$;
-- What is in a file goes where the file says: that was looked at when it went in.
CREATE OR REPLACE TRIGGER payout_goes_home BEFORE UPDATE ON payout FOR EACH ROW
    WHEN (OLD.bank_file = '' AND (NEW.bank_file <> '' OR NEW.state = 'sent' AND OLD.state <> 'sent'))
    EXECUTE FUNCTION payout_goes_home();

-- A payout stands in one file for the bank: it goes in while it is due, in the transaction that writes the file, and comes
-- out only when it has failed and is due again. Two files that both hold it would pay it twice.
CREATE OR REPLACE FUNCTION payout_is_filed_once() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        RAISE EXCEPTION 'a payout goes into a bank file after it is made' USING ERRCODE = 'PH003';
    END IF;
    IF OLD.bank_file = '' THEN
        IF OLD.state <> 'due' OR NEW.state <> 'due' OR NOT EXISTS (
            SELECT FROM bank_file f
            WHERE f.public_id = NEW.bank_file AND f.filed_at = NEW.filed_at AND f.filed_by = NEW.filed_by
              AND f.tx = (SELECT base.tx())
        ) THEN
            RAISE EXCEPTION 'a payout goes into a bank file while it is due, when the file is written'
                USING ERRCODE = 'PH003';
        END IF;
    ELSIF OLD.state = 'failed' AND NEW.state = 'due' THEN
        IF NEW.bank_file <> '' THEN
            RAISE EXCEPTION 'a payout that is due again stands in no bank file' USING ERRCODE = 'PH003';
        END IF;
    ELSIF (OLD.bank_file, OLD.filed_at, OLD.filed_by, OLD.bank_account_id)
          IS DISTINCT FROM (NEW.bank_file, NEW.filed_at, NEW.filed_by, NEW.bank_account_id) THEN
        RAISE EXCEPTION 'a payout leaves its bank file only when it has failed and is due again'
            USING ERRCODE = 'PH003';
    END IF;
    RETURN NEW;
END $$;
ALTER FUNCTION payout_is_filed_once() OWNER TO ph_ledger;
CREATE OR REPLACE TRIGGER payout_is_filed_once BEFORE UPDATE ON payout FOR EACH ROW
    WHEN (OLD.bank_file <> '' OR NEW.bank_file <> '') EXECUTE FUNCTION payout_is_filed_once();
CREATE OR REPLACE TRIGGER payout_is_made_unfiled BEFORE INSERT ON payout FOR EACH ROW
    WHEN (NEW.bank_file <> '') EXECUTE FUNCTION payout_is_filed_once();
-- Two operators sign a large sending: the first one's request says what, the second one's approval does it. A web process
-- signs only as the operator whom it works for, and neither what was asked for nor an answer changes afterwards.
CREATE OR REPLACE FUNCTION send_request_is_signed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_user = 'ph_app' AND NEW.state IN ('requested', 'approved') THEN
        IF NOT ledger_acting_operator() OR current_setting('app.actor', true) IS DISTINCT FROM (
            CASE NEW.state WHEN 'requested' THEN NEW.asked_by ELSE NEW.decided_by END
        ) THEN
            RAISE EXCEPTION 'a request is signed by the operator who acts' USING ERRCODE = 'PH003';
        END IF;
    END IF;
    NEW.tx := CASE NEW.state WHEN 'approved' THEN (SELECT base.tx()) END;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER send_request_is_signed BEFORE INSERT OR UPDATE ON send_request
    FOR EACH ROW EXECUTE FUNCTION send_request_is_signed();
CREATE OR REPLACE TRIGGER send_request_stays BEFORE UPDATE ON send_request FOR EACH ROW
    WHEN (OLD.state <> 'requested'
          OR (OLD.public_id, OLD.tenant, OLD.kind, OLD.subject, OLD.amount, OLD.unit, OLD.reference, OLD.asked_by)
             IS DISTINCT FROM
             (NEW.public_id, NEW.tenant, NEW.kind, NEW.subject, NEW.amount, NEW.unit, NEW.reference, NEW.asked_by))
    EXECUTE FUNCTION append_only();

-- What names a second operator leaves by the request that both signed, to the same subject, of the same amount, with the
-- same words for the bank, in the transaction of the approval: an approval is used once.
CREATE OR REPLACE FUNCTION sending_is_approved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wanted record;
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'payout' THEN
            SELECT 'payout' AS kind, NEW.public_id AS subject, NEW.bank_reference AS reference INTO wanted;
        WHEN 'refund' THEN
            SELECT 'send_back' AS kind, p.public_id AS subject, '' AS reference INTO wanted
            FROM payment p WHERE p.id = NEW.payment_id;
        ELSE
            SELECT 'send_back' AS kind, p.public_id AS subject, NEW.reference INTO wanted
            FROM payment p WHERE p.id = NEW.payment_id;
    END CASE;
    IF NOT EXISTS (
        SELECT FROM send_request r
        WHERE r.subject = wanted.subject AND r.tenant = NEW.tenant AND r.kind = wanted.kind
          AND r.reference = wanted.reference AND r.amount = NEW.amount AND r.state = 'approved'
          AND r.asked_by = NEW.sent_by AND r.decided_by = NEW.approved_by AND r.tx = (SELECT base.tx())
    ) THEN
        RAISE EXCEPTION 'a second operator signs by approving a request' USING ERRCODE = 'PH003';
    END IF;
    RETURN NULL;
END $$;
ALTER FUNCTION sending_is_approved() OWNER TO ph_ledger;
CREATE OR REPLACE TRIGGER sending_is_approved AFTER UPDATE ON payout FOR EACH ROW
    WHEN (NEW.state = 'sent' AND OLD.state <> 'sent' AND NEW.approved_by <> '') EXECUTE FUNCTION sending_is_approved();
CREATE OR REPLACE TRIGGER sending_is_approved AFTER INSERT ON refund FOR EACH ROW
    WHEN (NEW.approved_by <> '') EXECUTE FUNCTION sending_is_approved();
CREATE OR REPLACE TRIGGER sending_is_approved AFTER INSERT ON payment_return FOR EACH ROW
    WHEN (NEW.way = 'bank' AND NEW.approved_by <> '') EXECUTE FUNCTION sending_is_approved();

-- What goes back without anybody asking is what the worker found that nothing waited for: no page and no API says so.
CREATE OR REPLACE FUNCTION refund_is_automatic() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_user IN ('ph_web', 'ph_app', 'ph_ops') THEN
        RAISE EXCEPTION 'only the worker sends money back without anybody asking' USING ERRCODE = 'PH003';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER refund_is_automatic BEFORE INSERT ON refund FOR EACH ROW
    WHEN (NEW.automatic) EXECUTE FUNCTION refund_is_automatic();

-- Once sent, where to and what stands on the bank's statement stay as they are until the bank answers.
CREATE OR REPLACE TRIGGER payout_stays_sent BEFORE UPDATE ON payout FOR EACH ROW
    WHEN (OLD.state IN ('confirmed', 'sent') AND (OLD.bank_account_id, OLD.bank_reference, OLD.sent_by, OLD.approved_by, OLD.sent_at)
          IS DISTINCT FROM (NEW.bank_account_id, NEW.bank_reference, NEW.sent_by, NEW.approved_by, NEW.sent_at))
    EXECUTE FUNCTION append_only();

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_return
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON processor_settlement
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_file
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON payment
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON payout
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON send_request
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON refund
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON chargeback
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
