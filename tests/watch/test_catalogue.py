"""The catalogue equals the declarations, and each change made by hand is named."""

import pytest

from pilothouse.kernel.base.catalogue import declared_grants, declared_policies, differences
from pilothouse.kernel.base.declare import house_models
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.site.migrate import migrate

pytestmark = [pytest.mark.house, pytest.mark.tamper]


def found() -> list[str]:
    with worker_scope():
        return differences()


def test_a_migrated_database_is_what_is_declared(house):
    assert found() == []


def test_the_declarations_are_read_whole():
    tenant_tables = {model._meta.db_table for model in house_models() if model.table_class == "tenant"}
    policies = list(declared_policies())
    assert {policy[0] for policy in policies} == tenant_tables
    assert all(policy[4] for policy in policies)
    assert ("account", "debits", "UPDATE", "ph_ledger") in set(declared_grants())


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DROP POLICY one_tenant ON transfer", "The policy one_tenant on transfer is missing."),
        ("ALTER POLICY one_tenant ON batch USING (true)", "The policy one_tenant on batch is not the declared one."),
        ("CREATE POLICY extra ON item TO ph_app USING (true)", "The policy extra on item is not declared."),
        ("ALTER TABLE journal DISABLE ROW LEVEL SECURITY", "Row-level security on journal is not enabled and forced."),
        ("ALTER TABLE journal NO FORCE ROW LEVEL SECURITY", "Row-level security on journal is not enabled and forced."),
        ("GRANT DELETE ON transfer TO ph_worker", "ph_worker may DELETE transfer, which is not declared."),
        (
            "GRANT UPDATE (credits) ON account TO ph_app",
            "ph_app may UPDATE account.credits, which is not declared.",
        ),
        ("GRANT SELECT ON batch TO PUBLIC", "PUBLIC may SELECT batch, which is not declared."),
        ("REVOKE SELECT ON gate FROM ph_app", "ph_app may not SELECT gate, which is declared."),
        ("ALTER TABLE transfer DISABLE TRIGGER append_only", "The trigger append_only on transfer is disabled."),
        ("CREATE TABLE notes (id int)", "The table notes is declared by no model."),
        ("CREATE VIEW leak AS SELECT * FROM batch", "The view leak runs as its owner and not as who reads it."),
        (
            "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM batch'",
            "The function peek() runs with another's rights and no search_path of its own.",
        ),
        (
            "ALTER TABLE transfer DISABLE TRIGGER ledger_post",
            "The trigger ledger_post on transfer is not what was installed.",
        ),
        ("DROP TRIGGER append_only ON event", "The trigger append_only on event is missing."),
        ("ALTER TABLE account DROP CONSTRAINT account_floor", "The constraint account_floor on account is missing."),
        (
            "ALTER TABLE account DROP CONSTRAINT account_floor, ADD CONSTRAINT account_floor CHECK (true)",
            "The constraint account_floor on account is not what was installed.",
        ),
        ("DROP INDEX transfer_terminal_once", "The index transfer_terminal_once on transfer is missing."),
        (
            "CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "The function append_only() is not what was installed.",
        ),
        ("CREATE RULE quiet AS ON DELETE TO batch DO INSTEAD NOTHING", "The rule quiet on batch was added by hand."),
        ("ALTER TABLE item ALTER batch DROP NOT NULL", "The column batch on item is not what was installed."),
        (
            "GRANT EXECUTE ON FUNCTION base.tenant_key(text) TO ph_backup",
            "The right on function tenant_key(public_id text) is not what was installed.",
        ),
        (
            "ALTER FUNCTION base.tenant_key(text) OWNER TO ph_ledger",
            "The right on function tenant_key(public_id text) is not what was installed.",
        ),
        (
            "DELETE FROM wall WHERE name = 'append_only' AND place = 'seal'",
            "The trigger append_only on seal was added by hand.",
        ),
        ("DELETE FROM wall", "No walls are recorded: run `pilothouse migrate`."),
    ],
)
def test_a_change_by_hand_is_named(house, statement, sentence):
    with house.admin() as admin:
        admin.execute(statement)
    assert sentence in found()


def test_an_index_added_for_speed_is_no_change(house):
    with house.admin() as admin:
        admin.execute("CREATE INDEX for_a_report ON batch (created_at)")
    assert found() == []


def test_a_migration_heals_what_it_installs_and_makes_nothing_else_lawful(house):
    with house.admin() as admin:
        # A clone is the superuser's; a real house's database is the owner's.
        admin.execute(f'ALTER DATABASE "{house.name}" OWNER TO ph_owner')
        admin.execute("CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'")
        admin.execute("ALTER TABLE transfer DISABLE TRIGGER append_only")
        admin.execute("ALTER TABLE account DROP CONSTRAINT account_floor")
        admin.execute("UPDATE house SET schema_hash = 'older'")
    migrate()
    assert found() == ["The constraint account_floor on account is missing."]
    with house.admin() as admin:
        admin.execute("UPDATE wall SET digest = '17' WHERE kind = 'server'")
        admin.execute("UPDATE house SET schema_hash = 'older'")
    migrate()
    assert found() == []
