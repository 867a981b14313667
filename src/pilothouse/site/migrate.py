"""Brings a database to this code's shape: roles, migrations, repeatable SQL, lifecycles, security; one transaction.

Order: drop the compatibility views (a column under a view cannot change) → Django's migrations → `sql/schema/*.sql`
of every room, lowest first → the triggers of the transition tables → row-level security and grants → the views of
the source's table names → the record of every wall that now stands (`base/walls.py`).
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections, transaction
from psycopg import sql

from pilothouse.kernel.base import declare
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.models import House
from pilothouse.kernel.base.roles import create_roles
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import schema_files
from pilothouse.kernel.base.walls import record_walls, recorded_walls, standing_walls
from pilothouse.kernel.lifecycle.table import REGISTRY

from .programs import load_programs

OWNER = "owner"
MIGRATE_LOCK = 7_210_501
# Rooms from the lowest up; programs after them, by name; then the room above the programs.
ROOMS = ("base", "lifecycle", "ledger", "work", "access", "files", "terms", "outbox", "payments", "watch")
ABOVE_PROGRAMS = ("pilots",)


def admin_connection(dbname: str | None = None) -> psycopg.Connection:
    """An autocommit connection with the administrator's login, to `dbname` or the configured database."""
    entry = settings.DATABASES[OWNER]
    options = {k: v for k, v in entry["OPTIONS"].items() if k != "pool"}
    return psycopg.connect(
        host=entry["HOST"] or None,
        port=entry["PORT"] or None,
        user=entry["USER"] or None,
        password=entry["PASSWORD"] or None,
        dbname=dbname or entry["NAME"],
        autocommit=True,
        **options,
    )


def embedded() -> bool:
    """Whether the server is the embedded one, which trusts the operating system's user."""
    return not settings.DATABASES[OWNER]["PASSWORD"]


class DatabaseTaken(PilothouseError):
    """The configured database holds tables of somebody else."""

    code = "database_taken"
    status = 409
    message = (
        "The database {name} holds tables that are not ours ({tables}, …): "
        "name a database of Pilothouse's own in DATABASE_URL."
    )


def create_database() -> None:
    """Create the roles, and the database when it is not there; one that is there and empty is made ours.

    Raises DatabaseTaken for one that somebody else has tables in.
    """
    name = settings.DATABASES[OWNER]["NAME"]
    try:
        admin = admin_connection("postgres")
    except psycopg.OperationalError:
        # Managed servers may not let us into the maintenance database; then ours must exist already.
        admin = admin_connection()
    with admin:
        create_roles(admin, None if embedded() else settings.SECRET_KEY)
        if admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount == 0:
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER ph_owner ENCODING 'UTF8' TEMPLATE template0").format(
                    sql.Identifier(name)
                )
            )
            return
    with admin_connection() as admin:
        _take_over(admin, name)


def _take_over(admin: psycopg.Connection, name: str) -> None:
    """Make a database that an administrator made ready for us ours: its schema, and no temporary tables in it.

    Its owner stays, because giving a database away takes CREATEDB, which a managed server may keep to itself.
    """
    mine = "SELECT FROM pg_namespace WHERE nspname = 'public' AND pg_has_role('ph_owner', nspowner, 'USAGE')"
    if admin.execute(mine).rowcount:
        return
    tables = admin.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace LIMIT 3"
    ).fetchall()
    if tables:
        raise DatabaseTaken(name=name, tables=", ".join(str(row[0]) for row in tables))
    with admin.transaction():
        admin.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO ph_owner").format(sql.Identifier(name)))
        admin.execute("ALTER SCHEMA public OWNER TO ph_owner")
        admin.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def _wall_off(cursor: Any) -> None:
    """No temporary tables for the login roles: they could pose as ours."""
    name = settings.DATABASES[OWNER]["NAME"]
    cursor.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def schema_hash() -> str:
    """A hash of everything that shapes the database: migrations, schema SQL, declarations, transition tables."""
    digest = hashlib.sha256()
    for path in _shaping_files():
        digest.update(path.name.encode() + path.read_bytes())
    for statement in (*declare.statements(), *_lifecycle_statements()):
        digest.update(statement.encode())
    return digest.hexdigest()


def migrate(verbosity: int = 0) -> None:
    """Migrate the configured database; a no-op when its shape is this code's already."""
    load_programs()
    create_database()
    connection = connections[OWNER]
    try:
        with transaction.atomic(using=OWNER), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATE_LOCK])
            cursor.execute("SET LOCAL ROLE ph_owner")
            cursor.execute("SET LOCAL row_security = off")
            if _is_current(cursor):
                return
            recorded, before = recorded_walls(cursor), standing_walls(cursor)
            cursor.execute("GRANT USAGE, CREATE ON SCHEMA public TO ph_ledger, ph_gate")
            _drop_views(cursor)
            _unforce(cursor)
            call_command("migrate", database=OWNER, verbosity=verbosity, interactive=False)
            for path in _schema_files():
                _run_file(cursor, path)
            for statement in (*_lifecycle_statements(), *declare.statements()):
                cursor.execute(statement)
            for path in _schema_files(views=True):
                _run_file(cursor, path)
            cursor.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
            _wall_off(cursor)
            # What a database is for is decided when it is made, and never changes.
            cursor.execute("UPDATE house SET kind = %s WHERE schema_hash = ''", [settings.HOUSE_KIND])
            cursor.execute("UPDATE house SET schema_hash = %s", [schema_hash()])
            _continue_transaction_numbers(cursor)
            record_walls(cursor, recorded, before)
    finally:
        connection.close()


class OtherKind(PilothouseError):
    """A database is for production, a demo or tests from the day on which it was made."""

    code = "other_kind"
    status = 409
    message = "This database was made for {kind} and cannot be started for {wanted}. Choose another folder with --data."


def refuse_other_kind(wanted: str) -> None:
    """Stop when the database is for something else: a demo never enters a production house, nor the other way."""
    with worker_scope("start"):
        kind = House.objects.values_list("kind", flat=True).get()
    if kind != wanted:
        raise OtherKind(kind=kind, wanted=wanted)


def _is_current(cursor: Any) -> bool:
    cursor.execute("SELECT to_regclass('public.house') IS NOT NULL")
    if not cursor.fetchone()[0]:
        return False
    cursor.execute("SELECT schema_hash, cluster = (SELECT system_identifier::text FROM pg_control_system()) FROM house")
    row = cursor.fetchone()
    return bool(row and row[0] == schema_hash() and row[1])


def _continue_transaction_numbers(cursor: Any) -> None:
    """After a restore into another cluster its own counter starts low; the offset lets ours go on rising."""
    cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
    (cluster,) = cursor.fetchone()
    cursor.execute("SELECT cluster FROM house")
    (known,) = cursor.fetchone()
    if known == cluster:
        return
    if known:
        cursor.execute("UPDATE house SET tx_offset = greatest(tx_offset, base.tx_highest())")
    cursor.execute("UPDATE house SET cluster = %s", [cluster])


def _folders() -> Iterator[Path]:
    for label in (*ROOMS, *sorted(program.app for program in load_programs().values()), *ABOVE_PROGRAMS):
        yield Path(apps.get_app_config(label).path)


def _schema_files(views: bool = False) -> Iterator[Path]:
    for folder in _folders():
        for path in schema_files(folder):
            if path.stem.endswith("_views") is views:
                yield path


def _shaping_files() -> Iterator[Path]:
    for folder in _folders():
        yield from sorted((folder / "migrations").glob("*.py"))
        yield from schema_files(folder)


def _lifecycle_statements() -> list[str]:
    return [statement for name in sorted(REGISTRY) for statement in REGISTRY[name].schema()]


def _run_file(cursor: Any, path: Path) -> None:
    try:
        cursor.execute(path.read_text(encoding="utf-8"))
    except Exception as error:
        error.add_note(f"in {path.parent.parent.parent.name}/sql/schema/{path.name}")
        raise


def _unforce(cursor: Any) -> None:
    """Let the owner see all rows until the declarations force row-level security again, in this same transaction.

    A new foreign key or a data migration would otherwise be refused, because the owner itself sees no tenant's rows.
    """
    cursor.execute("SELECT oid::regclass::text FROM pg_class WHERE relforcerowsecurity AND relkind = 'r'")
    for (table,) in cursor.fetchall():
        cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")


def _drop_views(cursor: Any) -> None:
    cursor.execute("SELECT table_name FROM information_schema.views WHERE table_schema = 'public'")
    for (name,) in cursor.fetchall():
        cursor.execute(sql.SQL("DROP VIEW IF EXISTS {} CASCADE").format(sql.Identifier(name)))
