"""A database of a rehearsal's own, beside the house's: the same shape and first terms, and a clock that is moved."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connections
from psycopg import sql

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.simulated_clock import REHEARSAL_PREFIX, install
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.files.storage import LocalStore, store, stored_apart

from .migrate import OWNER, admin_connection, migrate, schema_hash
from .seed import seed

TEMPLATE_PREFIX = f"{REHEARSAL_PREFIX}template_"
HASH_CHARACTERS = 16
TEMPLATE_LOCK = 7_210_502
# Statistics are taken when the machine has time: without them the order in which rows come follows from the rows alone.
NO_STATISTICS = """DO $$ DECLARE given regclass; BEGIN
    FOR given IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', given);
    END LOOP;
END $$"""


@contextmanager
def rehearsal(label: str, at: datetime, *, keep: bool = False) -> Iterator[str]:
    """Make `rehearsal_LABEL_…` on the house's server and work in it for the length of the block; yields its name.

    Business time begins at `at`. The database and the files that were stored in it are removed afterwards, unless
    `keep`. Nothing else of this process may use the database meanwhile.
    """
    name = f"{REHEARSAL_PREFIX}{label}_{secrets.token_hex(4)}"
    house = settings.DATABASES[OWNER]["NAME"]
    try:
        _clone(_template(), name)
        use_database(name)
        with admin_connection() as admin:
            install(admin, at)
        with stored_apart(name):
            seed()
            yield name
            if not keep:
                _remove_files()
    finally:
        use_database(house)
        if not keep:
            with admin_connection("postgres") as admin:
                drop_database(admin, name)


def _template() -> str:
    """The migrated database of which each rehearsal is a copy: made once for a shape, those of older shapes removed.

    Under another name until it is whole, so that a half one is never copied.
    """
    made = f"{TEMPLATE_PREFIX}{schema_hash()[:HASH_CHARACTERS]}"
    with admin_connection("postgres") as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        known = [row[0] for row in admin.execute("SELECT datname FROM pg_database").fetchall()]
        if made in known:
            return made
        for old in known:
            if old.startswith(TEMPLATE_PREFIX):
                drop_database(admin, old)
        making = f"{made}_making"
        use_database(making)
        migrate()
        with admin_connection() as inside:
            inside.execute("UPDATE house SET kind = 'rehearsal'")
            inside.execute(NO_STATISTICS)
        use_database(made)
        admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(making), sql.Identifier(made)))
    return made


def _clone(template: str, name: str) -> None:
    """A copy without durability: a rehearsal that the machine ends is simply begun again."""
    copy, whole = sql.Identifier(name), sql.Identifier(template)
    with admin_connection("postgres") as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER ph_owner TEMPLATE {} STRATEGY WAL_LOG").format(copy, whole))
        # A copy has the template's walls, but not the rights on the database itself.
        admin.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(copy))
        admin.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(copy))


def drop_database(admin: Any, name: str) -> None:
    """Remove a database of the house's server, whoever is connected to it."""
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def use_database(name: str) -> None:
    """Point every alias at another database; what was open is closed, pools included."""
    for alias in settings.DATABASES:
        connection = connections[alias]
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
        connections.settings[alias]["NAME"] = name
        connection.settings_dict["NAME"] = name
        settings.DATABASES[alias]["NAME"] = name


def _remove_files() -> None:
    with worker_scope("rehearsal"):
        keys = [row["storage_key"] for row in run("SELECT storage_key FROM file")]
    files = store()
    files.delete(keys)
    if isinstance(files, LocalStore):
        shutil.rmtree(files.root, ignore_errors=True)
