-- What the web's roles may write of a journal. Running work reserves, settles and refunds, and escrow is released or
-- returned as its deal says (a trigger of that program holds the two together); credits appear only on the
-- wallet without value. Money of the world (in, to what it pays, back, out, from the processor to our bank) is an
-- operator's, inside one account; a lost chargeback is the worker's alone. The operator is whom the scope names
-- (docs/guarantees.md says what that is worth). A key begins with its journal's kind, so that none can be taken away
-- from another command, and business time is now, so that nothing slips into a period that was told. It runs as the
-- caller: the role is read where the row is written, and a role that a statement changes under way is still one of the
-- web's.
CREATE OR REPLACE FUNCTION ledger_acting_operator() RETURNS boolean LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM operator o JOIN auth_user u ON u.id = o.user_id
        WHERE 'operator:' || u.email = current_setting('app.actor', true) AND o.role IN ('admin', 'operator') AND u.is_active
    )
$$;
ALTER FUNCTION ledger_acting_operator() OWNER TO ph_gate;
REVOKE ALL ON FUNCTION ledger_acting_operator() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_acting_operator() TO ph_app;

CREATE OR REPLACE FUNCTION check_web_journals() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- The worker grants in nobody's name, within the day's bound; a name is put there by the door that somebody used.
    IF current_user = 'ph_worker' AND EXISTS (SELECT FROM written WHERE kind = 'grant' AND starts_with(actor, 'sql:')) THEN
        RAISE EXCEPTION 'a grant by SQL is an INSERT into credit_ledger' USING ERRCODE = 'PH003';
    END IF;
    IF current_user NOT IN ('ph_web', 'ph_app', 'ph_ops') THEN
        RETURN NULL;
    END IF;
    IF EXISTS (
        SELECT FROM written
        WHERE NOT starts_with(idempotency_key, kind || ':')
           OR NOT CASE
               WHEN kind IN ('refund', 'release', 'reserve', 'return', 'settle') THEN true
               WHEN kind IN ('collect', 'fund', 'payout', 'receive', 'send_back') AND current_user = 'ph_app'
                   THEN ledger_acting_operator()
               ELSE starts_with(idempotency_key, 'grant:TEST:') END
    ) THEN
        RAISE EXCEPTION 'a web request creates no credits and turns no journal round' USING ERRCODE = 'PH003',
            HINT = 'Credits are granted by an operator.';
    END IF;
    IF EXISTS (
        SELECT FROM written
        WHERE effective_at NOT BETWEEN (SELECT base.clock_now()) - interval '1 minute'
                                   AND (SELECT base.clock_now()) + interval '1 minute'
    ) THEN
        RAISE EXCEPTION 'a web request posts at the present time only' USING ERRCODE = 'PH003';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER check_web_journals AFTER INSERT ON journal
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION check_web_journals();

-- Whether two operators stand behind a journal: an approved request of its tenant names its key and exactly its amount.
CREATE OR REPLACE FUNCTION ledger_is_approved(journal_id bigint) RETURNS boolean LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM journal j JOIN grant_request r
          ON r.public_id = j.ref_id AND r.tenant = j.tenant AND r.key = j.idempotency_key AND r.kind = j.kind
        WHERE j.id = journal_id AND r.state = 'approved'
          AND r.amount = (SELECT sum(x.amount) FROM transfer x WHERE x.journal = j.id)
    )
$$;

-- What was granted and taken back of a tenant without a second operator, within an interval up to now.
CREATE OR REPLACE FUNCTION ledger_by_one_person(of_tenant bigint, during interval) RETURNS bigint LANGUAGE sql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(sum(x.amount), 0)::bigint
    FROM journal j JOIN transfer x ON x.journal = j.id JOIN account a ON a.id = x.debit
    WHERE j.tenant = of_tenant AND j.kind IN ('grant', 'reverse') AND a.unit <> 'TEST'
      AND j.effective_at > (SELECT base.clock_now()) - during AND NOT ledger_is_approved(j.id)
$$;
CREATE INDEX IF NOT EXISTS journal_by_hand ON journal (tenant, effective_at) WHERE kind IN ('grant', 'reverse');
ALTER FUNCTION ledger_is_approved(bigint) OWNER TO ph_ledger;
ALTER FUNCTION ledger_by_one_person(bigint, interval) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION ledger_is_approved(bigint), ledger_by_one_person(bigint, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_by_one_person(bigint, interval) TO ph_ops, ph_worker;

-- Whether somebody stands behind a grant: an operator's request of its tenant and key, or a person with SQL or a shell.
CREATE OR REPLACE FUNCTION ledger_is_signed(journal_id bigint) RETURNS boolean LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM journal j LEFT JOIN grant_request r
          ON r.public_id = j.ref_id AND r.tenant = j.tenant AND r.key = j.idempotency_key AND r.kind = j.kind
        WHERE j.id = journal_id AND (r.state IN ('approved', 'granted') OR starts_with(j.actor, 'sql:'))
    )
$$;

-- The credits that were created in nobody's name after an instant.
CREATE OR REPLACE FUNCTION ledger_unsigned(since timestamptz)
RETURNS TABLE (id bigint, tenant bigint, at timestamptz, credits bigint) LANGUAGE sql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT j.id, j.tenant, j.effective_at, sum(x.amount)::bigint
    FROM journal j JOIN transfer x ON x.journal = j.id JOIN account a ON a.id = x.debit
    WHERE j.kind = 'grant' AND j.effective_at > since AND a.kind = 'credits_issued' AND a.unit <> 'TEST'
      AND NOT ledger_is_signed(j.id)
    GROUP BY j.id
$$;
CREATE INDEX IF NOT EXISTS journal_grants ON journal (effective_at) WHERE kind = 'grant';
ALTER FUNCTION ledger_is_signed(bigint) OWNER TO ph_ledger;
ALTER FUNCTION ledger_unsigned(timestamptz) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION ledger_is_signed(bigint), ledger_unsigned(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_unsigned(timestamptz) TO ph_ops, ph_worker;

-- The journals that create credits or turn round what stands, looked at once they are posted; whoever posts them.
-- A grant's key names its unit, so that test credits and real ones never take each other's key. A reversal turns round
-- exactly what it names. Both happen now. What is not approved by two operators counts against what one may move of a
-- tenant within 24 hours: summed over all of them, so that no splitting helps, one tenant at a time. What nobody asked
-- for counts once more, over all tenants.
CREATE OR REPLACE FUNCTION ledger_by_hand(journals bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    one_person_max CONSTANT bigint := 1000;
    unsigned_max CONSTANT bigint := 3000;
    day CONSTANT interval := interval '24 hours';
    j record;
BEGIN
    FOR j IN
        SELECT g.id, g.tenant, g.kind, g.idempotency_key, g.reverses, g.effective_at, min(a.unit) AS unit,
               count(DISTINCT a.unit) AS units,
               (SELECT o.kind FROM journal o WHERE o.id = g.reverses) AS reversed_kind
        FROM journal g JOIN transfer x ON x.journal = g.id JOIN account a ON a.id = x.debit
        WHERE g.id = ANY(journals) GROUP BY g.id ORDER BY g.tenant, g.id
    LOOP
        IF j.units <> 1 OR j.kind = 'grant' AND NOT starts_with(j.idempotency_key, 'grant:' || j.unit || ':') THEN
            RAISE EXCEPTION 'the key of a grant names another unit than its credits' USING ERRCODE = 'PH003';
        END IF;
        IF j.kind = 'reverse' AND (j.reversed_kind IS DISTINCT FROM 'grant' OR EXISTS (
            (SELECT debit, credit, amount, count(*) FROM transfer WHERE journal = j.id GROUP BY 1, 2, 3
             EXCEPT SELECT credit, debit, amount, count(*) FROM transfer WHERE journal = j.reverses GROUP BY 1, 2, 3)
            UNION ALL
            (SELECT credit, debit, amount, count(*) FROM transfer WHERE journal = j.reverses GROUP BY 1, 2, 3
             EXCEPT SELECT debit, credit, amount, count(*) FROM transfer WHERE journal = j.id GROUP BY 1, 2, 3)
        )) THEN
            RAISE EXCEPTION 'a reversal turns round exactly the transfers of the grant that it names'
                USING ERRCODE = 'PH003';
        END IF;
        IF j.effective_at NOT BETWEEN (SELECT base.clock_now()) - interval '1 minute'
                                  AND (SELECT base.clock_now()) + interval '1 minute' THEN
            RAISE EXCEPTION 'credits are granted and taken back at the present time only' USING ERRCODE = 'PH003';
        END IF;
        CONTINUE WHEN j.unit = 'TEST' OR ledger_is_approved(j.id);
        PERFORM pg_advisory_xact_lock(hashtextextended('by hand', j.tenant));
        IF ledger_by_one_person(j.tenant, day) > one_person_max THEN
            RAISE EXCEPTION 'more than % credits by one person within % hours', one_person_max,
                extract(epoch FROM day)::integer / 3600
                USING ERRCODE = 'PH004', HINT = 'A larger grant needs a second operator: "pilothouse grant --as".';
        END IF;
        CONTINUE WHEN j.kind <> 'grant' OR ledger_is_signed(j.id);
        PERFORM pg_advisory_xact_lock(hashtextextended('unsigned grants', 0));
        IF (SELECT sum(u.credits) FROM ledger_unsigned(j.effective_at - day) u) > unsigned_max THEN
            RAISE EXCEPTION 'more than % credits in nobody''s name within % hours', unsigned_max,
                extract(epoch FROM day)::integer / 3600
                USING ERRCODE = 'PH004', CONSTRAINT = 'grants_unsigned_day', HINT = 'An operator grants more.';
        END IF;
    END LOOP;
END $$;
ALTER FUNCTION ledger_by_hand(bigint[]) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION ledger_by_hand(bigint[]) FROM PUBLIC;
