"""The catalogue equals the declarations, and each change made by hand is named."""

import pytest

from pilothouse.kernel.base.catalogue import declared_grants, declared_policies, differences
from pilothouse.kernel.base.declare import house_models
from pilothouse.kernel.base.scope import worker_scope

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
    ],
)
def test_a_change_by_hand_is_named(house, statement, sentence):
    with house.admin() as admin:
        admin.execute(statement)
    assert sentence in found()
