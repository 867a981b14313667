"""What each role of the database may do with people, passwords and sessions: exactly this, and nothing else."""

import psycopg
import pytest

from pilothouse.kernel.access import commands
from pilothouse.kernel.base.declare import SIGN_IN, system_tables
from pilothouse.kernel.base.scope import tenant_scope, worker_scope

pytestmark = [pytest.mark.house, pytest.mark.tamper]
ALL = {"SELECT", "INSERT", "UPDATE", "DELETE"}


@pytest.fixture(scope="module")
def people(module_house):
    from tests.conftest import _use_database

    _use_database(module_house.name)
    ours, theirs = module_house.tenant("Ours"), module_house.tenant("Theirs")
    for tenant, name in ((ours, "ada"), (theirs, "bob")):
        with tenant_scope(tenant.id):
            commands.add_member(tenant.id, f"{name}@people.example", "owner", name.title(), "a long pass phrase 7")
    with worker_scope():
        commands.add_operator("olga@people.example", "operator")
    module_house.ours = ours
    return module_house


def in_scope(house, role, tenant=""):
    connection = house.connect("ph_worker" if role == "ph_worker" else "ph_web")
    if role in ("ph_app", "ph_ops"):
        connection.execute(f"SET ROLE {role}")
    connection.execute("SELECT set_config('app.tenant', %s, false)", [str(tenant)])
    return connection


def test_the_privileges_are_exactly_these(people):
    with people.admin() as admin:
        found = {}
        for table in (*system_tables(), "shared_cache"):
            for role in ("ph_web", "ph_app", "ph_ops", "ph_worker", "ph_ledger", "ph_gate", "public"):
                for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"):
                    if role != "public" and privilege not in ("TRUNCATE", "TRIGGER", "DELETE"):
                        whole, some = admin.execute(
                            "SELECT has_table_privilege(%s, %s, %s), has_any_column_privilege(%s, %s, %s)",
                            [role, table, privilege, role, table, privilege],
                        ).fetchone()
                    else:
                        (whole,) = admin.execute(
                            "SELECT has_table_privilege(%s, %s, %s)", [role, table, privilege]
                        ).fetchone()
                        some = whole
                    if whole or some:
                        found.setdefault((table, role), set()).add(privilege if whole else f"{privilege} of columns")
    ended = {"SELECT of columns", "DELETE"}
    assert found == {
        **{(table, "ph_web"): ALL for table in (*SIGN_IN, "shared_cache")},
        ("auth_user", "ph_app"): {"SELECT"},
        ("auth_user", "ph_ops"): {"SELECT"},
        ("auth_user", "ph_worker"): ALL - {"DELETE"},
        ("account_emailaddress", "ph_worker"): ALL - {"DELETE"},
        ("auth_user", "ph_gate"): {"SELECT", "INSERT"},
        ("account_emailaddress", "ph_gate"): {"SELECT", "INSERT"},
        ("django_session", "ph_worker"): ended,
        ("usersessions_usersession", "ph_worker"): ended,
    }


@pytest.mark.parametrize("role", ["ph_app", "ph_ops"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE auth_user SET email = 'x'",
        "UPDATE auth_user SET password = 'x' WHERE email = 'ada@people.example'",
        "INSERT INTO auth_user (username) VALUES ('x')",
        "DELETE FROM auth_user",
        "SELECT count(*) FROM django_session",
        "SELECT session_key FROM django_session",
        "DELETE FROM django_session",
        "SELECT secret FROM (SELECT data AS secret FROM mfa_authenticator) m",
        "SELECT verified FROM account_emailaddress",
        "UPDATE account_emailaddress SET verified = true",
        "SELECT session_key FROM usersessions_usersession",
        "SELECT value FROM shared_cache",
    ],
)
def test_nobody_is_changed_and_no_session_is_within_reach_of_a_scope(people, role, statement):
    with in_scope(people, role, people.ours.id) as scope, pytest.raises(psycopg.errors.InsufficientPrivilege):
        scope.execute(statement)


def test_a_worker_ends_old_sessions_and_reads_none(shared_house, people):
    with people.connect("ph_web") as web:
        for key, days in (("old", -1), ("new", 1)):
            web.execute(
                "INSERT INTO django_session VALUES (%s, '', statement_timestamp() + make_interval(days => %s))"
                " ON CONFLICT DO NOTHING",
                [key, days],
            )
    with worker_scope():
        commands.prune_sessions()
    with people.connect("ph_web") as web:
        kept = {
            row[0] for row in web.execute("SELECT session_key FROM django_session WHERE session_key IN ('old', 'new')")
        }
    assert kept == {"new"}
    with in_scope(people, "ph_worker") as worker, pytest.raises(psycopg.errors.InsufficientPrivilege):
        worker.execute("SELECT session_key FROM django_session")


def test_a_person_who_is_there_is_not_changed_by_being_added_again(people):
    with people.admin() as admin:
        before = admin.execute("SELECT u::text FROM auth_user u WHERE email = 'bob@people.example'").fetchone()
    with in_scope(people, "ph_app", people.ours.id) as ours:
        (made,) = ours.execute(
            "SELECT made FROM auth_person('bob@people.example', 'Eve', '', 'another password', true, true)"
        ).fetchone()
    assert made is False
    with people.admin() as admin:
        assert admin.execute("SELECT u::text FROM auth_user u WHERE email = 'bob@people.example'").fetchone() == before
