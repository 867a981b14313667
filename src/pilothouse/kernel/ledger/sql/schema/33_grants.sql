-- Grants and reversals that operators ask for: the row is the wish, and what follows from it is written here, in the same
-- statement, whatever role wrote the row.

-- Who may move credits by hand: an active account of an operator. Their name for journals and timelines, else nothing.
CREATE OR REPLACE FUNCTION ledger_operator(person bigint) RETURNS text LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT 'operator:' || u.email FROM operator o JOIN auth_user u ON u.id = o.user_id
    WHERE o.user_id = person AND o.role IN ('admin', 'operator') AND u.is_active
$$;
ALTER FUNCTION ledger_operator(bigint) OWNER TO ph_gate;
REVOKE ALL ON FUNCTION ledger_operator(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_operator(bigint) TO ph_ledger, ph_ops, ph_worker;

-- Posts a grant under the key of its unit, source and description, with the canonical request of the `grant` command, so
-- that every way of granting knows the others' work; NULL when the key was used before. For functions of ph_ledger.
CREATE OR REPLACE FUNCTION ledger_issue(
    of_tenant bigint, of_unit text, of_amount bigint, source text, why text, ref text, by_whom text
) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    issued bigint;
    wallet bigint;
    written bigint;
    request text := format('{"amount":%s,"description":%s,"source":%s,"unit":%s}',
                           of_amount, to_json(why), to_json(source), to_json(of_unit));
BEGIN
    INSERT INTO account (tenant, kind, unit) VALUES (of_tenant, 'credits_issued', of_unit), (of_tenant, 'wallet', of_unit)
    ON CONFLICT DO NOTHING;
    SELECT max(id) FILTER (WHERE kind = 'credits_issued'), max(id) FILTER (WHERE kind = 'wallet') INTO issued, wallet
    FROM account WHERE tenant = of_tenant AND kind IN ('credits_issued', 'wallet') AND account.ref = '' AND unit = of_unit;
    INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, description, effective_at,
                         recorded_at, actor, tx)
    VALUES (of_tenant, 'grant:' || of_unit || ':' || source || ':' || why,
            encode(sha256(convert_to(request, 'UTF8')), 'hex'), 'grant', source, ref, why,
            (SELECT base.clock_now()), clock_timestamp(), by_whom, (SELECT base.tx()))
    ON CONFLICT (tenant, idempotency_key) DO NOTHING
    RETURNING id INTO written;
    IF written IS NOT NULL THEN
        INSERT INTO transfer (tenant, journal, debit, credit, amount, kind)
        VALUES (of_tenant, written, issued, wallet, of_amount, 'grant');
    END IF;
    RETURN written;
END $$;
ALTER FUNCTION ledger_issue(bigint, text, bigint, text, text, text, text) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION ledger_issue(bigint, text, bigint, text, text, text, text) FROM PUBLIC;

-- Posts the reversal of a journal, once; NULL when it stands already. For functions of ph_ledger.
CREATE OR REPLACE FUNCTION ledger_turn_round(
    of_tenant bigint, of_journal bigint, why text, ref text, by_whom text
) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, description, effective_at,
                         recorded_at, actor, reverses, tx)
    VALUES (of_tenant,
            'reverse:' || (SELECT o.idempotency_key FROM journal o WHERE o.id = of_journal AND o.tenant = of_tenant),
            encode(sha256(convert_to(format('{"journal":%s}', of_journal), 'UTF8')), 'hex'), 'reverse', 'adjustment',
            ref, why, (SELECT base.clock_now()), clock_timestamp(), by_whom, of_journal, (SELECT base.tx()))
    ON CONFLICT (tenant, idempotency_key) DO NOTHING
    RETURNING id INTO written;
    INSERT INTO transfer (tenant, journal, debit, credit, amount, kind)
    SELECT of_tenant, written, t.credit, t.debit, t.amount, 'reverse' FROM transfer t
    WHERE t.journal = of_journal AND t.tenant = of_tenant AND written IS NOT NULL;
    RETURN written;
END $$;
ALTER FUNCTION ledger_turn_round(bigint, bigint, text, text, text) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION ledger_turn_round(bigint, bigint, text, text, text) FROM PUBLIC;

-- What follows from a request and from its answer. In order: who acts is an operator; the key is the journal's own and a
-- reversal asks for exactly the amount of a grant; the timeline is told; the expiry is armed or cancelled; the money
-- moves, or the whole statement is refused.
CREATE OR REPLACE FUNCTION grant_request_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    asker text := ledger_operator(NEW.asked_by);
    decider text := ledger_operator(NEW.decided_by);
    actor text := coalesce(decider, CASE WHEN TG_OP = 'INSERT' THEN asker END, 'timer');
    told text := CASE NEW.state WHEN 'granted' THEN 'grant' WHEN 'requested' THEN 'request' WHEN 'approved' THEN 'approve'
                                WHEN 'refused' THEN 'refuse' ELSE 'expire' END;
    written bigint;
BEGIN
    IF TG_OP = 'INSERT' AND asker IS NULL OR NEW.decided_by IS NOT NULL AND decider IS NULL
       OR NEW.state = 'approved' AND asker IS NULL THEN
        RAISE EXCEPTION 'credits are granted by operators only' USING ERRCODE = 'PH403';
    END IF;
    IF TG_OP = 'INSERT' AND NEW.key IS DISTINCT FROM (
           CASE NEW.kind WHEN 'grant' THEN 'grant:' || NEW.unit || ':' || NEW.source || ':' || NEW.description
           ELSE 'reverse:' || (SELECT o.idempotency_key FROM journal o
                                 WHERE o.id = NEW.reverses AND o.tenant = NEW.tenant) END)
       OR NEW.kind = 'reverse' AND NEW.amount IS DISTINCT FROM (
           SELECT sum(x.amount) FROM journal j JOIN transfer x ON x.journal = j.id JOIN account a ON a.id = x.debit
           WHERE j.id = NEW.reverses AND j.tenant = NEW.tenant AND j.kind = 'grant' AND a.unit = NEW.unit) THEN
        RAISE EXCEPTION 'a request names its own key and, to take credits back, exactly a grant' USING ERRCODE = 'PH003';
    END IF;
    INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
    VALUES (NEW.tenant, 'grant_request', NEW.id, CASE TG_OP WHEN 'INSERT' THEN 1 ELSE 2 END, (SELECT base.clock_now()),
            clock_timestamp(), actor, told,
            jsonb_strip_nulls(jsonb_build_object('amount', NEW.amount, 'unit', NEW.unit, 'kind', NEW.kind,
                                                 'reason', nullif(NEW.answer, ''))),
            'internal', (SELECT base.tx()));
    IF NEW.state = 'requested' THEN
        INSERT INTO timer (tenant, subject_kind, subject_id, name, state, due_at, armed_at, error)
        VALUES (NEW.tenant, 'grant_request', NEW.id, 'grant_request_expiry', 'armed', NEW.expires_at, NEW.asked_at, '');
        RETURN NULL;
    END IF;
    UPDATE timer SET state = 'cancelled', ended_at = (SELECT base.clock_now())
    WHERE subject_kind = 'grant_request' AND subject_id = NEW.id AND state = 'armed';
    IF NEW.state NOT IN ('approved', 'granted') THEN
        RETURN NULL;
    END IF;
    asker := asker || coalesce(', approved by ' || decider, '');
    written := CASE NEW.kind
        WHEN 'grant' THEN
            ledger_issue(NEW.tenant, NEW.unit, NEW.amount, NEW.source, NEW.description, NEW.public_id, asker)
        ELSE ledger_turn_round(NEW.tenant, NEW.reverses, NEW.description, NEW.public_id, asker) END;
    IF written IS NULL THEN
        RAISE EXCEPTION 'this was posted before, in another way' USING ERRCODE = 'PH409';
    END IF;
    RETURN NULL;
END $$;
ALTER FUNCTION grant_request_moved() OWNER TO ph_ledger;
CREATE OR REPLACE TRIGGER grant_request_asked AFTER INSERT ON grant_request
    FOR EACH ROW EXECUTE FUNCTION grant_request_moved();
CREATE OR REPLACE TRIGGER grant_request_answered AFTER UPDATE OF state ON grant_request FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION grant_request_moved();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON grant_request
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
