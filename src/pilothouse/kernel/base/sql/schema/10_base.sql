-- Business time. Written `(SELECT base.clock_now())`, so that it is read once per statement and stays an index
-- condition. Only a database named rehearsal_* gets another body, which reads one row that moves forward.
CREATE SCHEMA IF NOT EXISTS base;
GRANT USAGE ON SCHEMA base TO PUBLIC;
GRANT CREATE ON SCHEMA base TO ph_ledger, ph_gate;

CREATE OR REPLACE FUNCTION base.clock_now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT statement_timestamp()';

-- Machine time that decides something: leases and breakers. Written and replaced in the same way.
CREATE OR REPLACE FUNCTION base.machine_now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT statement_timestamp()';

-- The number of this transaction, rising also across a restore into another cluster. Rows carry it so that a seal
-- can take exactly the transactions below the horizon, whatever order their ids were drawn in.
CREATE OR REPLACE FUNCTION base.tx() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS 'SELECT pg_current_xact_id()::text::bigint + (SELECT tx_offset FROM public.house)';

-- Everything below this number is committed or rolled back, and visible.
CREATE OR REPLACE FUNCTION base.tx_horizon() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS 'SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + (SELECT tx_offset FROM public.house)';

ALTER FUNCTION base.tx() OWNER TO ph_gate;
ALTER FUNCTION base.tx_horizon() OWNER TO ph_gate;

-- One row about this database. A cluster with another identity (a restored dump) continues the numbers.
INSERT INTO public.house (id, kind, cluster, tx_offset, schema_hash) VALUES (1, 'production', '', 0, '') ON CONFLICT DO NOTHING;

-- allauth and the login limits count in a cache that all web processes share. Losing it on a crash costs nothing.
CREATE UNLOGGED TABLE IF NOT EXISTS shared_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS shared_cache_expires ON shared_cache (expires);
-- It holds sessions too, which are read before a tenant is known and never in a tenant's transaction.
REVOKE ALL ON shared_cache FROM ph_app, ph_ops, ph_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON shared_cache TO ph_web;
-- No model declares these two; a dump is refused when one table of it cannot be read.
GRANT SELECT ON shared_cache, django_migrations TO ph_backup;

-- The source's name for opening a tenant's context in a script: takes the public id, for this transaction.
CREATE OR REPLACE FUNCTION set_tenant_context(tenant_id text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    key bigint;
BEGIN
    key := base.tenant_key(tenant_id);
    IF key IS NULL THEN
        RAISE EXCEPTION 'there is no tenant %', tenant_id USING ERRCODE = 'PH404',
            HINT = 'Give the tenant''s public id, for example ten_01k….';
    END IF;
    PERFORM set_config('app.tenant', key::text, true);
END $$;

CREATE OR REPLACE FUNCTION base.tenant_key(public_id text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS 'SELECT id FROM public.tenant t WHERE t.public_id = $1';
ALTER FUNCTION base.tenant_key(text) OWNER TO ph_gate;
