-- What is asked before a tenant is known. Each answers one question and nothing else.
ALTER TABLE api_rate SET UNLOGGED;
ALTER TABLE api_rate SET (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Whether one more request fits into the last 60 seconds: 0 when it does (and it is counted), else the seconds to wait.
--
-- 1. Lock the key's row: calls of one key count one after the other, in whatever process.
-- 2. Read the clock after the lock, so that times rise; drop what is a minute old.
-- 3. Refuse when the rest fills the limit; the wait is until enough of the oldest have aged.
-- 4. Else append the time. Up to 120 a minute every request has its own entry and the window is exact. Above that,
--    requests of the same half second share an entry that ages with its newest one: never more than the limit within
--    any minute, and a place comes free at most half a second late.
CREATE OR REPLACE FUNCTION access_rate_take(key bigint, per_min integer, instant timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    window_ms CONSTANT bigint := 60000;
    times bigint[];
    counts integer[];
    now_ms bigint;
    total integer := 0;
    freed integer := 0;
    first integer := 1;
    last integer;
BEGIN
    SELECT r.at, r.n INTO times, counts FROM api_rate r WHERE r.id = key FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO api_rate (id, at, n) VALUES (key, '{}', '{}') ON CONFLICT (id) DO NOTHING;
        SELECT r.at, r.n INTO times, counts FROM api_rate r WHERE r.id = key FOR UPDATE;
    END IF;
    last := cardinality(times);
    -- machine time: the limit counts a client's real requests, also within one statement's transaction.
    now_ms := floor(extract(epoch FROM coalesce(instant, clock_timestamp())) * 1000)::bigint;
    IF last > 0 THEN
        now_ms := greatest(now_ms, times[last]);
    END IF;
    WHILE first <= last AND times[first] + window_ms <= now_ms LOOP
        first := first + 1;
    END LOOP;
    FOR i IN first..last LOOP
        total := total + counts[i];
    END LOOP;
    IF total >= per_min THEN
        FOR i IN first..last LOOP
            freed := freed + counts[i];
            IF total - freed < per_min THEN
                RETURN greatest(1, ceil((times[i] + window_ms - now_ms) / 1000.0))::integer;
            END IF;
        END LOOP;
    END IF;
    IF per_min > 120 AND first <= last AND times[last] / 500 = now_ms / 500 THEN
        times[last] := now_ms;
        counts[last] := counts[last] + 1;
        UPDATE api_rate SET at = times[first:last], n = counts[first:last] WHERE id = key;
    ELSE
        UPDATE api_rate SET at = times[first:last] || now_ms, n = counts[first:last] || 1 WHERE id = key;
    END IF;
    RETURN 0;
END $$;

-- Which key is this, whose is it, may it call now? One row, or none for an unknown key. An inactive key is not counted.
CREATE OR REPLACE FUNCTION auth_key(hash text)
RETURNS TABLE (key bigint, tenant bigint, tenant_public_id text, tenant_name text, name text, hint text,
               scopes text[], mode text, state text, is_active boolean, limit_per_min integer, retry_after_s integer)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT k.id, k.tenant, t.public_id, t.name, k.name, k.prefix || '…' || k.last_four, k.scopes, k.mode,
           CASE WHEN over.ended THEN 'revoked' ELSE k.state END, k.is_active AND NOT over.ended, k.rate_limit_per_min,
           CASE WHEN k.is_active AND NOT over.ended THEN access_rate_take(k.id, k.rate_limit_per_min, NULL) ELSE 0 END
    FROM enterprise_api_keys k JOIN tenant t ON t.id = k.tenant
    -- A rotated key ends at its instant, also when the timer that revokes it is late.
    CROSS JOIN LATERAL (SELECT coalesce(k.ends_at <= (SELECT base.clock_now()), false) AS ended) over
    WHERE k.key_hash = hash
$$;

-- Whether one more request of a person's session (what = 1), export of a tenant (2), or post of a browser by its person
-- (3) or network address (4) fits into the last 60 seconds; as access_rate_take answers. They count in the same table
-- as keys, below zero, four kinds apart.
CREATE OR REPLACE FUNCTION auth_take(what integer, who bigint, per_min integer) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT access_rate_take(-(who * 4 + (what - 1)), per_min, NULL)
$$;

-- In which tenants is this person, as what, is it an operator, and in which language do they and each tenant read? At
-- least one row; the tenant joined first comes first, so that joining another moves nobody.
DROP FUNCTION IF EXISTS auth_memberships(bigint);
CREATE FUNCTION auth_memberships(person bigint)
RETURNS TABLE (tenant bigint, tenant_public_id text, tenant_name text, role text, operator_role text, language text,
               tenant_language text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT m.tenant, t.public_id, t.name, m.role, o.role, l.language, t.settings ->> 'language'
    FROM (VALUES (person)) AS p (id)
    LEFT JOIN person_language l ON l.person_id = p.id
    LEFT JOIN operator o ON o.user_id = p.id
    LEFT JOIN member m ON m.user_id = p.id
    LEFT JOIN tenant t ON t.id = m.tenant
    ORDER BY m.id
$$;

-- Whose is this reveal link? The only external reference that this room knows.
CREATE OR REPLACE FUNCTION auth_reveal_link(hash text)
RETURNS TABLE (link bigint, tenant bigint, tenant_public_id text, tenant_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT l.id, l.tenant, t.public_id, t.name FROM reveal_link l JOIN tenant t ON t.id = l.tenant
    WHERE l.token_hash = hash AND l.consumed_at IS NULL AND l.expires_at > (SELECT base.clock_now())
$$;

-- Whose is this invitation? Only while it can be accepted.
CREATE OR REPLACE FUNCTION auth_invitation(hash text)
RETURNS TABLE (invitation bigint, tenant bigint, tenant_public_id text, tenant_name text, email text, role text,
               created_by text, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.id, i.tenant, t.public_id, t.name, i.email, i.role, i.created_by, i.expires_at
    FROM invitation i JOIN tenant t ON t.id = i.tenant
    WHERE i.token_hash = hash AND i.state = 'sent' AND i.expires_at > (SELECT base.clock_now())
$$;

-- The person with this address, made when it is not there; nothing of one who is there is changed. The lower-case address
-- is the user name, which is what keeps two people from having one address.
CREATE OR REPLACE FUNCTION auth_person(address text, first text, last text, hashed text, proven boolean, proven_if_made boolean)
RETURNS TABLE (id integer, username varchar, email varchar, first_name varchar, last_name varchar,
               last_login timestamptz, is_active boolean, made boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    is_new boolean;
BEGIN
    INSERT INTO auth_user (username, email, first_name, last_name, password, is_superuser, is_staff, is_active, date_joined)
    VALUES (address, address, first, last, hashed, false, false, true, statement_timestamp())
    ON CONFLICT (username) DO NOTHING;
    is_new := FOUND;
    INSERT INTO account_emailaddress (user_id, email, verified, "primary")
    SELECT u.id, u.email, proven OR (is_new AND proven_if_made), true FROM auth_user u
    WHERE u.username = address AND NOT EXISTS (SELECT FROM account_emailaddress e WHERE e.user_id = u.id AND e.email = address)
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT u.id, u.username, u.email, u.first_name, u.last_name, u.last_login, u.is_active, is_new
                 FROM auth_user u WHERE u.username = address;
END $$;

-- Writes a batch of the per-call log. A key's own tenant is taken from its row, not from the caller.
--
-- 1. Insert the calls. 2. Say when each key was last used. 3. A key's first use moves it from revealed_once to active.
CREATE OR REPLACE FUNCTION log_api_usage(calls jsonb) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    written integer;
    moved record;
BEGIN
    INSERT INTO api_usage (tenant, key, actor, at, method, path, status, milliseconds, request_id, ip_hash)
    SELECT t.id, k.id, c.actor, c.at, c.method, c.path, c.status, c.milliseconds, c.request_id, c.ip_hash
    FROM jsonb_to_recordset(calls) AS c (tenant bigint, key bigint, actor text, at timestamptz, method text, path text,
                                         status smallint, milliseconds integer, request_id text, ip_hash text)
    LEFT JOIN enterprise_api_keys k ON k.id = c.key
    JOIN tenant t ON t.id = coalesce(k.tenant, c.tenant)
    WHERE c.key IS NULL OR k.id IS NOT NULL
    ORDER BY c.at;
    GET DIAGNOSTICS written = ROW_COUNT;
    FOR moved IN
        WITH used AS (
            SELECT c.key, max(c.at) AS at
            FROM jsonb_to_recordset(calls) AS c (key bigint, at timestamptz, status smallint)
            WHERE c.key IS NOT NULL AND c.status NOT IN (401, 429) GROUP BY c.key
        ), locked AS (
            SELECT k.id, k.state, u.at FROM enterprise_api_keys k JOIN used u ON u.key = k.id
            ORDER BY k.id FOR UPDATE OF k
        )
        UPDATE enterprise_api_keys k
        SET last_used_at = greatest(k.last_used_at, l.at),
            state = CASE k.state WHEN 'revealed_once' THEN 'active' ELSE k.state END
        FROM locked l WHERE k.id = l.id
        RETURNING k.id, k.tenant, l.state AS old_state
    LOOP
        IF moved.old_state = 'revealed_once' THEN
            PERFORM access_key_event(moved.tenant, moved.id, 'use', 'system', '{}'::jsonb);
        END IF;
    END LOOP;
    RETURN written;
END $$;

DO $$
DECLARE
    asked text;
BEGIN
    FOREACH asked IN ARRAY ARRAY[
        'auth_key(text)', 'auth_take(integer, bigint, integer)', 'auth_memberships(bigint)', 'auth_reveal_link(text)', 'auth_invitation(text)',
        'auth_person(text, text, text, text, boolean, boolean)',
        'log_api_usage(jsonb)',
        'access_rate_take(bigint, integer, timestamptz)'
    ] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', asked);
        EXECUTE format('ALTER FUNCTION %s OWNER TO ph_gate', asked);
        IF asked NOT LIKE 'access_%' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ph_web, ph_app, ph_ops, ph_worker', asked);
        END IF;
    END LOOP;
END $$;
