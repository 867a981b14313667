-- Business time as one row that only moves forward. Leases and breakers follow it: nobody works between two of its
-- instants.
CREATE TABLE base.simulated_clock (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    at timestamptz NOT NULL
);
GRANT SELECT ON base.simulated_clock TO PUBLIC;
GRANT UPDATE (at) ON base.simulated_clock TO ph_worker;
CREATE OR REPLACE FUNCTION base.clock_now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT at FROM base.simulated_clock';
CREATE OR REPLACE FUNCTION base.machine_now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT at FROM base.simulated_clock';
