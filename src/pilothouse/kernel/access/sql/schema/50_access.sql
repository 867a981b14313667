-- An account keeps at least one owner. The advisory lock lets two owners who leave at once pass one after the other:
-- the second one then sees that nobody would be left.
CREATE OR REPLACE FUNCTION access_keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('last owner', OLD.tenant));
    IF NOT EXISTS (SELECT FROM member m WHERE m.tenant = OLD.tenant AND m.role = 'owner' AND m.id <> OLD.id) THEN
        RAISE EXCEPTION 'the last owner of an account can neither leave nor step down' USING ERRCODE = 'PH409',
            HINT = 'Make someone else an owner first.';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE OR REPLACE TRIGGER last_owner_leaves BEFORE DELETE ON member FOR EACH ROW
    WHEN (OLD.role = 'owner') EXECUTE FUNCTION access_keep_an_owner();
CREATE OR REPLACE TRIGGER last_owner_steps_down BEFORE UPDATE OF role ON member FOR EACH ROW
    WHEN (OLD.role = 'owner' AND NEW.role <> 'owner') EXECUTE FUNCTION access_keep_an_owner();

-- A public id of the form that base.ids makes: 48 bits of milliseconds and 80 random bits in Crockford's base 32.
CREATE OR REPLACE FUNCTION access_new_id(prefix text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT prefix || '_'
        || (SELECT string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', ((ms >> (5 * i)) & 31)::int + 1, 1), '' ORDER BY i DESC)
            FROM generate_series(0, 9) AS i)
        || (SELECT string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', (get_byte(noise, i) & 31) + 1, 1), '' ORDER BY i)
            FROM generate_series(0, 15) AS i)
    FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms,
                 sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) AS noise) s
$$;

-- The source inserts five columns; the rest follows from them. user_id is the tenant's public id.
CREATE OR REPLACE FUNCTION access_complete_key() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner bigint := base.tenant_key(NEW.user_id);
BEGIN
    IF owner IS NULL THEN
        RAISE EXCEPTION 'there is no tenant % for this key', coalesce(NEW.user_id, 'NULL') USING ERRCODE = 'PH404',
            HINT = 'user_id is the tenant''s public id, for example ten_01k…; SELECT public_id, name FROM tenant lists them.';
    END IF;
    IF NEW.tenant IS NOT NULL AND NEW.tenant <> owner THEN
        RAISE EXCEPTION 'user_id and tenant name two tenants' USING ERRCODE = 'PH409';
    END IF;
    NEW.tenant := owner;
    NEW.public_id := coalesce(NEW.public_id, access_new_id('key'));
    NEW.scopes := coalesce(NEW.scopes, ARRAY['batches:read', 'batches:write', 'ledger:read', 'webhooks:write']);
    NEW.prefix := CASE WHEN NEW.prefix = '' THEN 'ek_' || NEW.kind || '_' ELSE NEW.prefix END;
    NEW.created_at := coalesce(NEW.created_at, base.clock_now());
    NEW.created_by := CASE WHEN NEW.created_by = '' THEN access_actor() ELSE NEW.created_by END;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION access_actor() RETURNS text LANGUAGE sql STABLE AS
    'SELECT coalesce(nullif(current_setting(''app.actor'', true), ''''), ''sql:'' || session_user)';
CREATE OR REPLACE TRIGGER api_key_complete BEFORE INSERT ON enterprise_api_keys
    FOR EACH ROW EXECUTE FUNCTION access_complete_key();

-- A revoked key is off, whoever revokes it and by whatever statement.
CREATE OR REPLACE FUNCTION access_revoked_is_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.is_active := false;
    NEW.revoked_at := coalesce(NEW.revoked_at, base.clock_now());
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER api_key_revoked BEFORE UPDATE OF state ON enterprise_api_keys FOR EACH ROW
    WHEN (NEW.state = 'revoked' AND OLD.state <> 'revoked') EXECUTE FUNCTION access_revoked_is_off();

-- The timeline of a key is complete also when an operator writes SQL: issue, pause and resume are told from here.
CREATE OR REPLACE FUNCTION access_tell_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM access_key_event(
        NEW.tenant, NEW.id,
        CASE WHEN TG_OP = 'INSERT' THEN 'issue' WHEN NEW.is_active THEN 'resume' ELSE 'pause' END,
        CASE WHEN TG_OP = 'INSERT' THEN NEW.created_by ELSE access_actor() END,
        CASE WHEN TG_OP = 'INSERT' THEN jsonb_build_object(
            'name', NEW.name, 'kind', NEW.kind, 'scopes', to_jsonb(NEW.scopes), 'limit_per_min', NEW.rate_limit_per_min)
        ELSE '{}'::jsonb END);
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION access_key_event(tenant bigint, key bigint, type text, actor text, data jsonb) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
    SELECT $1, 'api_key', $2, coalesce((SELECT max(e.seq) FROM event e WHERE e.subject_kind = 'api_key' AND e.subject_id = $2), 0) + 1,
           base.clock_now(), clock_timestamp(), $4, $3, $5, 'customer', base.tx()
$$;
CREATE OR REPLACE TRIGGER api_key_issued AFTER INSERT ON enterprise_api_keys
    FOR EACH ROW EXECUTE FUNCTION access_tell_key();
CREATE OR REPLACE TRIGGER api_key_switched AFTER UPDATE OF is_active ON enterprise_api_keys FOR EACH ROW
    WHEN (OLD.is_active <> NEW.is_active AND NEW.state <> 'revoked') EXECUTE FUNCTION access_tell_key();
REVOKE ALL ON FUNCTION access_key_event(bigint, bigint, text, text, jsonb) FROM PUBLIC;
ALTER FUNCTION access_key_event(bigint, bigint, text, text, jsonb) OWNER TO ph_gate;
ALTER FUNCTION access_tell_key() OWNER TO ph_gate;

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON flag
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON platform_flag
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON api_usage
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
