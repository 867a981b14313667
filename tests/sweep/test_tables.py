"""Every table, found in the catalogue: in one tenant no row of another is read, written, changed or deleted.

All other walls are taken down first. As superuser the test drops every CHECK, NOT NULL, foreign key and trigger, so
that a row of each tenant can be put into every table and an attack is stopped by privileges and row-level security
alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

pytestmark = [pytest.mark.house, pytest.mark.tamper]

# What runs with more rights than its caller and may be called by a web process, each with the one question it answers.
DEFINERS = {
    "auth_key": "which key has this hash",
    "auth_memberships": "the tenants of one person, whom the session proves",
    "auth_invitation": "which invitation has this hash",
    "auth_person": "the person with this address, who is made but never changed",
    "auth_reveal_link": "which link has this hash",
    "auth_take": "whether one more request of a session or export of a tenant fits into a minute",
    "ledger_acting_operator": "whether the one who acts is an operator who may move money",
    "log_api_usage": "the log of calls; a key's tenant is taken from its row",
    "log_seen": "how many groups of errors it counted; what an error says is only written, never read back",
    "seal_ledger_now": "nothing: it seals what is finished before an export, by the ledger's own rules",
    "tenant_key": "which tenant has this public id",
    "tx": "the number of this transaction in the house's own numbering",
    "tx_highest": "the highest such number",
    "tx_horizon": "the number below which all transactions are finished",
    "video_versions": "numbers that say whether a batch changed, without its content",
}
# What the transaction of a tenant may write in a table of the platform, which it cannot read.
WRITTEN_BY_TENANTS = {("job", "INSERT"): "work is queued in the transaction that makes it due"}
HOW = "Say in DEFINERS of tests/sweep/test_tables.py which one question it answers, or make it SECURITY INVOKER."


class Attack:
    """A database with a row of ours and of theirs in every tenant table, and a tenant with nothing."""

    def __init__(self, house: Any) -> None:
        from pilothouse.kernel.base.declare import house_models, system_tables, tenant_column

        self.house = house
        made = [house.tenant(name) for name in ("Ours", "Theirs", "Empty")]
        self.ours, self.theirs, self.empty = (tenant.id for tenant in made)
        self.theirs_id = made[1].public_id
        self.column = {m._meta.db_table: tenant_column(m) for m in house_models() if m.table_class == "tenant"}
        self.platform = {m._meta.db_table for m in house_models() if m.table_class == "platform"}
        self.readable = {m._meta.db_table for m in house_models() if m.read_by_tenants}
        self.shared = {m._meta.db_table for m in house_models() if m.table_class == "system"} | set(system_tables())
        with house.admin() as admin:
            self.tables = [row[0] for row in admin.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
                " AND NOT relispartition ORDER BY relname"
            )]  # fmt: skip
            self.views = [row[0] for row in admin.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
            )]  # fmt: skip
            self._open(admin)
            self.before = {table: self.rows(admin, table) for table in self.column}

    def _open(self, admin: Any) -> None:
        """Take every wall down but privileges and policies, and put rows in."""
        for table, name in admin.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
            " AND contype IN ('c', 'f') AND conrelid <> 0"
        ).fetchall():
            admin.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}"')
        for table, column in admin.execute(
            "SELECT a.attrelid::regclass::text, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnotnull AND a.attnum > 0"
            " AND a.attidentity = '' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary"
            " AND a.attnum = ANY (i.indkey))"
        ).fetchall():
            admin.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" DROP NOT NULL')
        for table in self.tables:
            admin.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER ALL')
        for table, column in self.column.items():
            if table != "tenant":
                for tenant in (self.ours, self.theirs):
                    admin.execute(f'INSERT INTO "{table}" ({column}) VALUES (%s)', [tenant])

    def rows(self, admin: Any, table: str) -> list[Any]:
        """All of their rows, as text."""
        mine = f'SELECT t::text FROM "{table}" t WHERE {self.column[table]} = %s ORDER BY 1'
        return list(admin.execute(mine, [self.theirs]).fetchall())

    def connect(self, tenant: int | None) -> Any:
        """A web process's connection in the role of one tenant's scope."""
        connection = self.house.connect("ph_web")
        connection.execute("SET ROLE ph_app")
        connection.execute("SELECT set_config('app.tenant', %s, false)", ["" if tenant is None else str(tenant)])
        return connection


@pytest.fixture(scope="module")
def attack(module_house: Any) -> Attack:
    from tests.conftest import _use_database

    _use_database(module_house.name)
    return Attack(module_house)


def columns(connection: Any, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' AND attidentity <> 'a'",
        [f'"{table}"'],
    )
    return [row[0] for row in rows]


def attempts(table: str, column: str, names: list[str], ours: int, theirs: int) -> Iterator[str]:
    """Everything that somebody in our scope could try on their rows of this table."""
    for name in names:
        yield f'UPDATE "{table}" SET "{name}" = "{name}"'
        yield f'UPDATE "{table}" SET "{name}" = NULL WHERE "{column}" = {theirs}'
    yield f'UPDATE "{table}" SET "{column}" = {theirs} WHERE "{column}" = {ours}'
    yield f'INSERT INTO "{table}" ("{column}") VALUES ({theirs})'
    yield f'INSERT INTO "{table}" ("{column}") SELECT {theirs}'
    if column != "id":
        first = f'(SELECT max(id) FROM "{table}")'
        yield f'INSERT INTO "{table}" (id, "{column}") VALUES ({first}, {theirs}) ON CONFLICT (id) DO NOTHING'
        yield (
            f'INSERT INTO "{table}" (id, "{column}") SELECT g, {ours} FROM generate_series(1, 9) g'
            f' ON CONFLICT (id) DO UPDATE SET "{column}" = {ours}'
        )
    yield f'SELECT 1 FROM "{table}" WHERE "{column}" = {theirs} FOR UPDATE'
    yield f'TRUNCATE "{table}" CASCADE'
    yield f'DELETE FROM "{table}"'
    yield f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY'


def test_every_table_is_declared(attack: Attack) -> None:
    from pilothouse.kernel.base.catalogue import UNDECLARED_TABLES

    known = {*attack.column, *attack.platform, *attack.shared, *UNDECLARED_TABLES}
    assert set(attack.tables) <= known
    assert len(attack.column) > 15
    assert all(attack.before[table] for table in attack.column), "each table holds a row of theirs"


def test_no_row_of_another_tenant_is_read(attack: Attack) -> None:
    with attack.connect(attack.ours) as ours, attack.connect(attack.empty) as empty, attack.connect(None) as none:
        for table, column in attack.column.items():
            seen = {row[0] for row in ours.execute(f'SELECT "{column}" FROM "{table}"').fetchall()}
            assert seen == {attack.ours}, table
            assert empty.execute(f'SELECT count(*) FROM "{table}"').fetchone() == (int(table == "tenant"),), table
            assert none.execute(f'SELECT count(*) FROM "{table}"').fetchone() == (0,), table
        for view in attack.views:
            rows = [row[0] for row in empty.execute(f'SELECT v::text FROM "{view}" v').fetchall()]
            assert len(rows) <= 1, view
            assert not any(attack.theirs_id in row for row in rows), view


def test_no_row_of_another_tenant_is_changed(attack: Attack) -> None:
    refused, empty_handed = 0, 0
    with attack.connect(attack.ours) as ours, attack.house.admin() as admin:
        for table, column in attack.column.items():
            for statement in attempts(table, column, columns(admin, table), attack.ours, attack.theirs):
                try:
                    done = ours.execute(statement)
                    empty_handed += 1
                    assert not statement.startswith("SELECT") or done.fetchall() == [], statement
                except psycopg.Error:
                    refused += 1
            assert attack.rows(admin, table) == attack.before[table], table
    assert refused > 100
    assert empty_handed > 10, "some statements run and change nothing of theirs"


def test_no_tenant_writes_a_table_of_the_platform(attack: Attack) -> None:
    wrong = []
    with attack.connect(attack.ours) as ours, attack.house.admin() as admin:
        for table in sorted(attack.platform):
            tries = [f'INSERT INTO "{table}" DEFAULT VALUES']
            tries += [f'UPDATE "{table}" SET "{name}" = NULL' for name in columns(admin, table)]
            tries += [f'DELETE FROM "{table}"', f'TRUNCATE "{table}"']
            if table not in attack.readable:
                tries.append(f'SELECT count(*) FROM "{table}"')
            for statement in tries:
                if (table, statement.split()[0]) in WRITTEN_BY_TENANTS:
                    continue
                with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                    ours.execute(statement)
                    wrong.append(statement)
    assert wrong == [], "A tenant's transaction may do this; say in WRITTEN_BY_TENANTS why, or take the right away."


def test_a_web_process_outside_a_scope_reads_no_tenants_rows(attack: Attack) -> None:
    with attack.house.connect("ph_web") as web:
        for table in attack.column:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                web.execute(f'SELECT count(*) FROM "{table}"')


def test_each_function_with_more_rights_than_its_caller_is_decided(attack: Attack) -> None:
    with attack.house.admin() as admin:
        there = {row[0] for row in admin.execute(
            "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
            " WHERE p.prosecdef AND n.nspname IN ('public', 'base') AND p.prorettype <> 'trigger'::regtype"
            " AND (has_function_privilege('ph_web', p.oid, 'EXECUTE')"
            " OR has_function_privilege('ph_app', p.oid, 'EXECUTE'))"
        )}  # fmt: skip
    assert sorted(there - set(DEFINERS)) == [], HOW
    assert sorted(set(DEFINERS) - there) == [], "These are gone; take them out of DEFINERS."
