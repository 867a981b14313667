-- What a person says about a line of a pilot is held to the runbook to which the pilot is pinned: there is such a line,
-- no machine's line is ticked by a person, and each side speaks for itself, in its own role and not ahead of time. A line
-- that takes a failure condition back is agreed to by accepting a proof: of this account and program, kept in this
-- attempt, passed, and with no later one that differs.
CREATE OR REPLACE FUNCTION attestation_of_its_line() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    found jsonb;
    takes_back boolean;
    pilot_program text;
    begun timestamptz;
BEGIN
    SELECT l.line, coalesce(t.body -> 'failures', '[]') @> jsonb_build_array(jsonb_build_object('cleared_by', NEW.line)),
           p.program, p.since
    INTO found, takes_back, pilot_program, begun
    FROM pilot p
    JOIN terms t ON t.kind = 'runbook' AND t.hash = p.runbook_hash
    CROSS JOIN LATERAL jsonb_array_elements((t.body -> 'lines') || coalesce(t.body -> 'daily', '[]')) AS l (line)
    WHERE p.id = NEW.pilot_id AND p.tenant = NEW.tenant AND p.attempt = NEW.attempt AND l.line ->> 'id' = NEW.line
    LIMIT 1;
    IF found IS NULL THEN
        RAISE EXCEPTION 'the pinned runbook has no line % for this attempt', NEW.line USING ERRCODE = 'PH003';
    ELSIF found ->> 'kind' = 'machine' THEN
        RAISE EXCEPTION 'line % is a machine''s: facts tick it, nobody else', NEW.line USING ERRCODE = 'PH003';
    ELSIF found ->> 'kind' <> NEW.side THEN
        RAISE EXCEPTION 'line % is not for % to say', NEW.line, NEW.side USING ERRCODE = 'PH003';
    ELSIF NEW.side = 'ours' AND current_user = 'ph_app' THEN
        RAISE EXCEPTION 'an account does not say our line %', NEW.line USING ERRCODE = 'PH003';
    ELSIF NEW.side = 'customer' AND (
        current_user <> 'ph_app' OR NEW.actor <> current_setting('app.actor', true)
        OR NOT found -> 'roles' ? NEW.role
        OR NOT EXISTS (SELECT FROM member m JOIN auth_user u ON u.id = m.user_id
                       WHERE m.tenant = NEW.tenant AND m.role = NEW.role AND 'user:' || u.email = NEW.actor)
    ) THEN
        RAISE EXCEPTION 'line % is for % of the account to say', NEW.line, found -> 'roles' USING ERRCODE = 'PH003';
    ELSIF NEW.at > (SELECT base.clock_now()) THEN
        RAISE EXCEPTION 'line % is not said ahead of time', NEW.line USING ERRCODE = 'PH003';
    ELSIF takes_back AND NEW.agrees THEN
        IF NOT EXISTS (
            SELECT FROM parity_proof x
            WHERE x.id = NEW.proof_id AND x.tenant = NEW.tenant AND x.program = pilot_program AND x.state = 'pass'
              AND x.at BETWEEN begun AND NEW.at
              AND NOT EXISTS (SELECT FROM parity_proof y WHERE y.tenant = x.tenant AND y.program = x.program
                              AND y.state = 'fail' AND y.id > x.id)
        ) THEN
            RAISE EXCEPTION 'line % is agreed to with a proof that passed in this attempt', NEW.line
                USING ERRCODE = 'PH003';
        END IF;
    ELSIF NEW.proof_id IS NOT NULL THEN
        RAISE EXCEPTION 'line % accepts no proof', NEW.line USING ERRCODE = 'PH003';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER attestation_of_its_line BEFORE INSERT ON pilot_attestation
    FOR EACH ROW EXECUTE FUNCTION attestation_of_its_line();

-- No key, and no link to one, before the customer has confirmed what to expect (requirement ENP-013).
CREATE OR REPLACE FUNCTION no_key_before_lock() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pilot p WHERE p.tenant = NEW.tenant AND p.state IN ('prospect', 'qualified'))
       AND NOT EXISTS (SELECT FROM pilot p WHERE p.tenant = NEW.tenant AND p.locked_at IS NOT NULL) THEN
        RAISE EXCEPTION 'No key is issued before the customer has confirmed what to expect of the pilot.'
            USING ERRCODE = 'PH005';
    END IF;
    RETURN NEW;
END $$;
-- The names come after those of the triggers that fill in what an INSERT leaves out.
CREATE OR REPLACE TRIGGER zz_no_key_before_lock BEFORE INSERT ON enterprise_api_keys
    FOR EACH ROW EXECUTE FUNCTION no_key_before_lock();
CREATE OR REPLACE TRIGGER zz_no_key_before_lock BEFORE INSERT ON reveal_link
    FOR EACH ROW EXECUTE FUNCTION no_key_before_lock();

-- What was signed stays as it was signed; only the next attempt, which has no verdict yet, is judged anew.
CREATE OR REPLACE FUNCTION findings_stay() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'what pilot % was signed with does not change', NEW.public_id USING ERRCODE = 'PH003';
END $$;
CREATE OR REPLACE TRIGGER findings_stay BEFORE UPDATE ON pilot FOR EACH ROW
    WHEN (OLD.verdict <> '' AND OLD.findings IS DISTINCT FROM NEW.findings)
    EXECUTE FUNCTION findings_stay();
