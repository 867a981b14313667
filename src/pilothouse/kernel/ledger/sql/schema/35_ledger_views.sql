-- The source's names for the ledger. Rows are seen through the reader's own row-level security.
--
-- One row for each journal that touches the tenant's credits, with what it did to the wallet: the sum of credits_delta
-- is permanent_credits, always. The sums stand in the select list, so that ORDER BY … LIMIT computes only what it shows.
CREATE VIEW credit_ledger WITH (security_invoker = true) AS
SELECT t.public_id AS user_id,
       CASE j.kind WHEN 'grant' THEN 'add' WHEN 'reserve' THEN 'freeze' ELSE j.kind END AS type,
       j.ref_type,
       (SELECT coalesce(sum(x.amount) FILTER (WHERE c.kind = 'wallet'), 0)
             - coalesce(sum(x.amount) FILTER (WHERE d.kind = 'wallet'), 0)
        FROM transfer x JOIN account d ON d.id = x.debit JOIN account c ON c.id = x.credit
        WHERE x.journal = j.id AND d.unit = 'CREDIT')::bigint AS credits_delta,
       j.description,
       j.effective_at AS created_at,
       (SELECT sum(x.amount) FROM transfer x JOIN account d ON d.id = x.debit
        WHERE x.journal = j.id AND d.unit = 'CREDIT')::bigint AS amount,
       j.ref_id,
       j.request_id
FROM journal j JOIN tenant t ON t.id = j.tenant
WHERE EXISTS (
    SELECT FROM transfer x JOIN account d ON d.id = x.debit JOIN account c ON c.id = x.credit
    WHERE x.journal = j.id AND d.unit = 'CREDIT' AND (d.kind IN ('wallet', 'held') OR c.kind IN ('wallet', 'held'))
);

CREATE VIEW credit_wallet WITH (security_invoker = true) AS
SELECT t.public_id AS user_id,
       (SELECT coalesce(sum(a.credits - a.debits), 0) FROM account a
        WHERE a.tenant = t.id AND a.kind = 'wallet' AND a.unit = 'CREDIT')::bigint AS permanent_credits
FROM tenant t;

-- An INSERT into credit_ledger is a grant: its form is checked, its tenant found, and it is posted as the `grant` command
-- would post it. A second run is refused, and so is what goes beyond one person's day (34_by_hand.sql).
CREATE OR REPLACE FUNCTION credit_ledger_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    key bigint := base.tenant_key(NEW.user_id);
    written bigint;
BEGIN
    IF key IS NULL THEN
        RAISE EXCEPTION 'there is no tenant %', NEW.user_id USING ERRCODE = 'PH404',
            HINT = 'user_id is the tenant''s public id, for example ten_01k….';
    END IF;
    IF NEW.type IS DISTINCT FROM 'add' OR NEW.ref_type IS NULL
       OR NEW.ref_type NOT IN ('pilot_grant', 'purchase', 'adjustment') THEN
        RAISE EXCEPTION 'only grants can be inserted here: type add with ref_type pilot_grant, purchase or adjustment'
            USING ERRCODE = 'PH003', HINT = 'Reservations, settlements and refunds are written by the work itself.';
    END IF;
    IF coalesce(NEW.description, '') = '' THEN
        RAISE EXCEPTION 'a grant needs a description' USING ERRCODE = 'PH003',
            HINT = 'The same ref_type and description are never granted twice to one tenant.';
    END IF;
    IF NEW.created_at IS NOT NULL OR NEW.amount IS NOT NULL OR NEW.ref_id IS NOT NULL OR NEW.request_id IS NOT NULL THEN
        RAISE EXCEPTION 'created_at, amount, ref_id and request_id follow from the ledger and cannot be given'
            USING ERRCODE = 'PH003';
    END IF;
    IF NEW.credits_delta IS NULL OR NEW.credits_delta NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'a grant by SQL is between 1 and 1000 credits, not %', NEW.credits_delta
            USING ERRCODE = 'PH003', HINT = 'A larger grant needs a second person: use "pilothouse grant".';
    END IF;
    written := ledger_issue(key, 'CREDIT', NEW.credits_delta, NEW.ref_type, NEW.description, '',
                            'sql:' || coalesce(nullif(current_setting('app.actor', true), ''), session_user));
    IF written IS NULL THEN
        RAISE EXCEPTION 'the grant "%" was already posted for %', NEW.description, NEW.user_id
            USING ERRCODE = 'PH409', HINT = 'Nothing was added. Give another grant its own description.';
    END IF;
    SELECT effective_at INTO NEW.created_at FROM journal WHERE id = written;
    NEW.amount := NEW.credits_delta;
    NEW.ref_id := '';
    NEW.request_id := '';
    RETURN NEW;
END $$;
ALTER FUNCTION credit_ledger_insert() OWNER TO ph_ledger;
REVOKE EXECUTE ON FUNCTION credit_ledger_insert() FROM PUBLIC;
CREATE TRIGGER credit_ledger_insert INSTEAD OF INSERT ON credit_ledger
    FOR EACH ROW EXECUTE FUNCTION credit_ledger_insert();

-- The source's second statement repeats what the INSERT has done. An SQL editor sends both as one transaction, in which
-- an error would undo the grant: so exactly the sum of this transaction's grants by SQL is absorbed, once, with a
-- notice. No money moves here, whatever is absorbed.
CREATE OR REPLACE FUNCTION credit_wallet_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    key bigint := base.tenant_key(OLD.user_id);
    setting text := 'app.sql_grants_absorbed_' || base.tenant_key(OLD.user_id);
    raised bigint := NEW.permanent_credits - OLD.permanent_credits;
    absorbed bigint := coalesce(nullif(current_setting(setting, true), ''), '0')::bigint;
    granted bigint;
BEGIN
    SELECT coalesce(sum(t.amount), 0) INTO granted
    FROM journal j JOIN transfer t ON t.journal = j.id
    WHERE j.tenant = key AND j.tx = (SELECT base.tx()) AND j.kind = 'grant' AND starts_with(j.actor, 'sql:');
    IF NEW.user_id IS DISTINCT FROM OLD.user_id OR raised IS NULL OR raised <= 0 OR raised <> granted - absorbed THEN
        RAISE EXCEPTION 'permanent_credits follows from the ledger and cannot be set' USING ERRCODE = 'PH409',
            HINT = 'To grant credits, INSERT INTO credit_ledger; the wallet rises by itself.';
    END IF;
    PERFORM set_config(setting, granted::text, true);
    RAISE NOTICE 'the ledger has already raised the wallet of % by %; nothing more to do', OLD.user_id, raised;
    NEW.permanent_credits := OLD.permanent_credits;
    RETURN NEW;
END $$;
ALTER FUNCTION credit_wallet_update() OWNER TO ph_ledger;
REVOKE EXECUTE ON FUNCTION credit_wallet_update() FROM PUBLIC;
CREATE TRIGGER credit_wallet_update INSTEAD OF UPDATE ON credit_wallet
    FOR EACH ROW EXECUTE FUNCTION credit_wallet_update();

REVOKE ALL ON credit_ledger, credit_wallet FROM PUBLIC, ph_web, ph_app, ph_ops, ph_worker, ph_backup;
GRANT SELECT ON credit_ledger, credit_wallet TO ph_app, ph_ops, ph_worker, ph_backup;
GRANT INSERT ON credit_ledger TO ph_ops;
GRANT UPDATE ON credit_wallet TO ph_ops;
