"""A database of a rehearsal's own, beside the house's: the same shape and first terms, and a clock that is moved."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.db import connections
from psycopg import sql

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.simulated_clock import REHEARSAL_PREFIX, install
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.files.storage import store

from .migrate import OWNER, admin_connection, migrate
from .seed import seed


@contextmanager
def rehearsal(label: str, at: datetime, *, keep: bool = False) -> Iterator[str]:
    """Make `rehearsal_LABEL_…` on the house's server and work in it for the length of the block; yields its name.

    Business time begins at `at`. The database and the files that were stored in it are removed afterwards, unless
    `keep`. Nothing else of this process may use the database meanwhile.
    """
    name = f"{REHEARSAL_PREFIX}{label}_{secrets.token_hex(4)}"
    house = settings.DATABASES[OWNER]["NAME"]
    _use(name)
    try:
        migrate()
        with admin_connection() as admin:
            install(admin, at)
            admin.execute("UPDATE house SET kind = 'rehearsal'")
        seed()
        yield name
        if not keep:
            _remove_files()
    finally:
        _use(house)
        if not keep:
            with admin_connection("postgres") as admin:
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _use(name: str) -> None:
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
    store().delete(keys)
