-- What the web's roles may write of a journal. Running work reserves, settles and refunds; credits appear only on the
-- wallet without value. A key begins with its journal's kind, so that none can be taken away from another command, and
-- business time is now, so that nothing slips into a period that was told. It runs as the caller: the role is read where
-- the row is written, and a role that a statement changes under way is still one of the web's.
CREATE OR REPLACE FUNCTION check_web_journals() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_user NOT IN ('ph_web', 'ph_app', 'ph_ops') THEN
        RETURN NULL;
    END IF;
    IF EXISTS (
        SELECT FROM written
        WHERE NOT starts_with(idempotency_key, kind || ':')
           OR NOT (kind IN ('refund', 'reserve', 'settle') OR starts_with(idempotency_key, 'grant:TEST:'))
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

-- The journals that create credits or turn round what stands, looked at once they are posted; whoever posts them.
-- A grant's key names its unit, so that test credits and real ones never take each other's key. A reversal turns round
-- exactly what it names. Both happen now.
CREATE OR REPLACE FUNCTION ledger_by_hand(journals bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
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
    END LOOP;
END $$;
ALTER FUNCTION ledger_by_hand(bigint[]) OWNER TO ph_ledger;
REVOKE ALL ON FUNCTION ledger_by_hand(bigint[]) FROM PUBLIC;
