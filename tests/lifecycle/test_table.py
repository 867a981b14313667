"""Every edge of every transition table, walked in PostgreSQL: what it holds passes, everything else is refused."""

import itertools
from dataclasses import replace

import psycopg
import pytest
from django.core.management import call_command

from pilothouse.kernel.lifecycle.table import REGISTRY, Lifecycle, Transition
from pilothouse.site.programs import load_programs

load_programs()
pytestmark = pytest.mark.tamper


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_database_walks_exactly_the_table(house, name):
    lifecycle = replace(REGISTRY[name], name=f"probe_{name}", table="probe")
    try:
        with house.admin() as admin:
            admin.execute("CREATE TABLE probe (id bigserial, state text)")
            for statement in lifecycle.schema():
                admin.execute(statement)
            for state in lifecycle.states:
                assert _accepts(admin, "INSERT INTO probe (state) VALUES (%s)", [state]) is (
                    state in lifecycle.initial
                ), f"a row that begins as {state}"
            admin.execute("ALTER TABLE probe DISABLE TRIGGER lifecycle_insert")
            for old, new in itertools.product(lifecycle.states, lifecycle.states):
                admin.execute("TRUNCATE probe")
                admin.execute("INSERT INTO probe (state) VALUES (%s)", [old])
                allowed = old == new or (old, new) in lifecycle.pairs
                assert _accepts(admin, "UPDATE probe SET state = %s", [new]) is allowed, f"{old} to {new}"
    finally:
        REGISTRY.pop(f"probe_{name}", None)


def _accepts(admin: psycopg.Connection, statement: str, params: list[str]) -> bool:
    try:
        admin.execute(statement, params)
    except psycopg.Error as error:
        if error.sqlstate != "PH001":
            raise
        return False
    return True


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_triggers_stand_on_the_table_itself(house, name):
    with house.admin() as admin:
        found = admin.execute(
            "SELECT array_agg(tgname::text ORDER BY tgname) FROM pg_trigger"
            " WHERE tgrelid = %s::regclass AND tgname LIKE 'lifecycle%%' AND tgenabled = 'O'",
            [f'"{REGISTRY[name].table}"'],
        ).fetchone()
    assert found == (["lifecycle_insert", "lifecycle_update"],)


def test_a_passing_state_is_never_stored():
    for lifecycle in REGISTRY.values():
        for transition in lifecycle.transitions:
            assert transition.passes not in lifecycle.states


def test_what_follows_from_the_table():
    lifecycle = Lifecycle(
        "walk",
        "walk",
        (
            Transition("create", None, "open", ("customer",)),
            Transition("fail", "open", "refunded", ("system",), passes="failed", posting="refund"),
            Transition("close", "open", "closed", ("customer", "system")),
        ),
    )
    del REGISTRY["walk"]
    assert (lifecycle.initial, lifecycle.terminal) == (["open"], ["closed", "refunded"])
    assert [t.event for t in lifecycle.allowed("open", "customer")] == ["close"]
    assert lifecycle.find("close", "closed") is None
    assert "open --> failed: fail / refund" in lifecycle.mermaid()


def test_the_models_and_the_migrations_agree(house, capsys):
    call_command("makemigrations", check=True, dry_run=True, verbosity=1)
