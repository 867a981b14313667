-- A journal's public id, for ever: it follows from what names the journal, so that no column holds it, no key of the house
-- changes it, and it tells nobody how many there are.
CREATE OR REPLACE FUNCTION ledger_entry_id(tenant_id text, key text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT 'jrn_' || left(encode(sha256(convert_to(tenant_id || ' ' || key, 'UTF8')), 'hex'), 26) $$;

-- What a kind of account is follows from its name: which balances are guarded and stored.
CREATE OR REPLACE FUNCTION ledger_account_kind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE
        WHEN NEW.kind IN ('wallet', 'held', 'escrow') THEN NEW.stored := true; NEW.floor := 0;
        WHEN NEW.kind IN ('payable', 'refund_due', 'receivable', 'suspense') THEN NEW.stored := true; NEW.floor := NULL;
        WHEN NEW.kind IN ('credits_issued', 'credits_earned', 'world_psp', 'world_bank', 'revenue',
                          'grants_expense', 'prepaid_liability', 'chargeback_loss', 'credit_note',
                          'processor_fees') THEN
            NEW.stored := false; NEW.floor := NULL;
        ELSE
            RAISE EXCEPTION 'there is no account kind %', NEW.kind USING ERRCODE = 'PH003';
    END CASE;
    NEW.debits := 0;
    NEW.credits := 0;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER account_kind BEFORE INSERT ON account
    FOR EACH ROW EXECUTE FUNCTION ledger_account_kind();

-- The only way in which money moves. In order: each leg must exist with the row's tenant, both legs in one unit and of
-- the two kinds of account between which this kind of transfer moves, each journal in the row's tenant, of its kind and
-- of this very transaction (this is the foreign key, once a statement, and no row can be slipped into a journal that
-- stands); then the accounts are locked in id order, last of all locks, and their counters move. The CHECK on account
-- refuses what would go below the floor. What people move by hand is looked at last (34_by_hand.sql).
CREATE OR REPLACE FUNCTION ledger_post() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wrong_leg boolean;
    wrong_pair boolean;
    wrong_journal boolean;
    by_hand boolean;
    of_one boolean;
BEGIN
    -- Anybody may create a trigger on a table of their own; this function posts for one table only.
    IF TG_RELID <> 'public.transfer'::regclass THEN
        RAISE EXCEPTION 'only a row in transfer moves money' USING ERRCODE = 'PH003';
    END IF;
    SELECT bool_or(d.tenant IS DISTINCT FROM p.tenant OR c.tenant IS DISTINCT FROM p.tenant OR d.unit <> c.unit),
           bool_or(CASE p.kind
               WHEN 'reserve' THEN (d.kind, c.kind) <> ('wallet', 'held')
               WHEN 'settle' THEN (d.kind, c.kind) <> ('held', 'credits_earned')
               WHEN 'refund' THEN (d.kind, c.kind) <> ('held', 'wallet')
               WHEN 'grant' THEN (d.kind, c.kind) <> ('credits_issued', 'wallet')
               WHEN 'receive' THEN d.kind NOT IN ('world_bank', 'world_psp') OR c.kind <> 'suspense'
               WHEN 'send_back' THEN d.kind <> 'suspense' OR c.kind NOT IN ('world_bank', 'world_psp')
               WHEN 'fund' THEN (d.kind, c.kind) <> ('suspense', 'escrow')
               WHEN 'release' THEN (d.kind, c.kind, c.ref) <> ('escrow', 'payable', d.ref)
               WHEN 'return' THEN (d.kind, c.kind, c.ref) <> ('escrow', 'refund_due', d.ref)
               WHEN 'payout' THEN d.kind NOT IN ('payable', 'refund_due') OR c.kind NOT IN ('world_bank', 'world_psp')
               WHEN 'charge_off' THEN (d.kind, c.kind) <> ('chargeback_loss', 'suspense')
               WHEN 'collect' THEN d.kind NOT IN ('processor_fees', 'world_bank') OR c.kind <> 'world_psp'
               ELSE p.kind <> 'reverse' END),
           bool_or(j.tenant IS DISTINCT FROM p.tenant OR j.kind <> p.kind OR j.tx <> (SELECT base.tx())),
           bool_or(p.kind IN ('grant', 'reverse')),
           bool_or(p.kind IN ('charge_off', 'fund', 'receive', 'release', 'return', 'send_back'))
    INTO wrong_leg, wrong_pair, wrong_journal, by_hand, of_one
    FROM (SELECT DISTINCT tenant, kind, debit, credit, journal FROM posted) p
    LEFT JOIN account d ON d.id = p.debit
    LEFT JOIN account c ON c.id = p.credit
    LEFT JOIN journal j ON j.id = p.journal;
    IF wrong_leg THEN
        RAISE EXCEPTION 'a transfer names an account that is not there, of another tenant or of another unit'
            USING ERRCODE = 'PH003';
    END IF;
    IF wrong_pair THEN
        RAISE EXCEPTION 'a transfer moves between accounts between which its kind does not move' USING ERRCODE = 'PH003';
    END IF;
    IF wrong_journal THEN
        RAISE EXCEPTION 'a transfer names a journal that is not there, of another tenant or kind, or already closed'
            USING ERRCODE = 'PH003';
    END IF;
    -- A journal of money of the world names the very payment, chargeback or deal whose account it fills or empties.
    IF of_one AND EXISTS (
        SELECT FROM posted p JOIN journal j ON j.id = p.journal
        JOIN account d ON d.id = p.debit JOIN account c ON c.id = p.credit
        WHERE p.kind IN ('release', 'return', 'send_back') AND j.ref_id <> d.ref
           OR p.kind IN ('charge_off', 'fund', 'receive') AND j.ref_id <> c.ref
    ) THEN
        RAISE EXCEPTION 'a journal names another subject than the accounts of its transfers' USING ERRCODE = 'PH003';
    END IF;
    -- An item ends with exactly what was reserved for it, out of the account in which it was held.
    IF EXISTS (
        SELECT FROM posted p
        LEFT JOIN transfer r ON r.item = p.item AND r.kind = 'reserve' AND r.tenant = p.tenant
        WHERE p.kind IN ('refund', 'settle') AND (r.amount, r.credit) IS DISTINCT FROM (p.amount, p.debit)
    ) THEN
        RAISE EXCEPTION 'an item ends with another amount than was reserved for it' USING ERRCODE = 'PH003';
    END IF;
    PERFORM FROM account a
    WHERE a.stored AND a.id IN (SELECT debit FROM posted UNION SELECT credit FROM posted)
    ORDER BY a.id FOR UPDATE;
    UPDATE account a SET debits = a.debits + s.debits, credits = a.credits + s.credits
    FROM (
        SELECT account, sum(debits) AS debits, sum(credits) AS credits
        FROM (
            SELECT debit AS account, sum(amount) AS debits, 0 AS credits FROM posted GROUP BY debit
            UNION ALL
            SELECT credit, 0, sum(amount) FROM posted GROUP BY credit
        ) legs
        GROUP BY account
    ) s
    WHERE a.id = s.account AND a.stored;
    IF by_hand THEN
        PERFORM ledger_by_hand(ARRAY(SELECT DISTINCT journal FROM posted WHERE kind IN ('grant', 'reverse')));
    END IF;
    RETURN NULL;
END $$;
ALTER FUNCTION ledger_post() OWNER TO ph_ledger;
CREATE OR REPLACE TRIGGER ledger_post AFTER INSERT ON transfer
    REFERENCING NEW TABLE AS posted FOR EACH STATEMENT EXECUTE FUNCTION ledger_post();

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seal
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sealed_day
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON account
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE INDEX IF NOT EXISTS journal_tx ON journal USING brin (tx);

-- The highest transaction number in any stream; migrate reads it after a restore, when the owner itself sees no row.
CREATE OR REPLACE FUNCTION base.tx_highest() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
-- The owner migrates with row security off, under which a policy, even one that shows all, is an error.
SET row_security = on
AS 'SELECT greatest((SELECT coalesce(max(to_tx), 0) FROM public.seal), (SELECT coalesce(max(tx), 0) FROM public.journal),
                    (SELECT coalesce(max(tx), 0) FROM public.event))';
ALTER FUNCTION base.tx_highest() OWNER TO ph_gate;
