"""The house under measurement: a throwaway server with ordinary durability, migrated, with funded tenants."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .limits import BATCH_ITEMS_COUNT, GRANTS_COUNT, ITEMS_PER_ROUND_COUNT, TENANTS_COUNT, WAL_SEGMENTS_COUNT

if TYPE_CHECKING:
    from pilothouse.kernel.base.postgres import EmbeddedPostgres

DATABASE_NAME = "bench"
ACTOR = "bench"


@dataclass(frozen=True, slots=True)
class World:
    """A migrated database: `env` for a process that works on it, and tenants by internal id.

    `tenants` are worked on; `large` has nothing but what the pages bench writes into it.
    """

    env: dict[str, str]
    tenants: list[int]
    large: int

    def connect(self, user: str = "postgres") -> Any:
        """A plain psycopg connection in autocommit, for the bare limits; as superuser no wall costs anything."""
        import psycopg
        from django.conf import settings

        entry = settings.DATABASES["owner"]
        return psycopg.connect(host=entry["HOST"], port=entry["PORT"], user=user, dbname=entry["NAME"], autocommit=True)

    def url(self, user: str = "postgres") -> str:
        """The same address as a URL, for processes."""
        from django.conf import settings

        from pilothouse.kernel.base.postgres_server import socket_url

        entry = settings.DATABASES["owner"]
        return str(socket_url(entry["HOST"], user, entry["NAME"]))


@contextlib.contextmanager
def bench_world(keep: Path | None = None) -> Iterator[World]:
    """Start the server and the house on it; the settings must not be loaded yet.

    Everything is gone at the end, or stays in the folder `keep` for the next run with it.
    """
    from pilothouse.kernel.base.postgres import throwaway_postgres

    with kept_postgres(keep) if keep else throwaway_postgres(durable=True) as server:
        for name in [name for name in os.environ if name.startswith("DATABASE_")]:
            del os.environ[name]
        env = {
            "DATA": str(server.data),
            "DATABASE_NAME": DATABASE_NAME,
            "HOUSE_KIND": "test",
            "WEBHOOK_ALLOW_LOCAL": "1",
            "LOG_LEVEL": "ERROR",
            "PROCESS_NAME": "bench",
            "DJANGO_SETTINGS_MODULE": "pilothouse.site.settings",
        }
        os.environ.update(env)
        import django

        django.setup()
        from pilothouse.kernel.base import heap
        from pilothouse.site.migrate import migrate
        from pilothouse.site.seed import seed

        migrate()
        seed()
        world = World({**os.environ, **env}, [_tenant(n) for n in range(TENANTS_COUNT)], _tenant(TENANTS_COUNT))
        _age(world)
        heap.settle()  # as the worker, whose loop is measured, does when it starts
        try:
            yield world
        finally:
            _close_connections()


@contextlib.contextmanager
def kept_postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A durable server whose data stays in the folder, which nobody else may use meanwhile. Raises AlreadyRunning."""
    from pilothouse.kernel.base.postgres import EmbeddedPostgres, make_data_folder, running

    from ..tree.folder import held

    make_data_folder(folder)
    with held(folder):
        database = EmbeddedPostgres(folder)
        with running(database, folder / "postgres.log", leaves=[database.socket_folder]):
            yield database


def _age(world: World) -> None:
    """Give the fresh server what one has that ran for a while: log segments to use again.

    It would otherwise fill each new one with zeros inside somebody's measurement.
    """
    with world.connect() as db:
        db.execute(f"ALTER SYSTEM SET min_wal_size = '{(WAL_SEGMENTS_COUNT + 4) * 16}MB'")
        db.execute("SELECT pg_reload_conf()")
        for _ in range(WAL_SEGMENTS_COUNT):
            db.execute("SELECT pg_logical_emit_message(false, 'bench', ''), pg_switch_wal()")
        db.execute("CHECKPOINT")


def _tenant(number: int) -> int:
    """A tenant whose settings allow the bench's batches and whose wallet outlasts them."""
    from pilothouse.kernel.base import clock
    from pilothouse.kernel.base.models import Tenant
    from pilothouse.kernel.base.scope import worker_scope

    with worker_scope():
        kept = Tenant.objects.filter(name=f"Bench {number}").values_list("id", flat=True).first()
        if kept is not None:
            return int(kept)
        made = Tenant.objects.create(
            name=f"Bench {number}",
            settings={"batch_items_max": max(BATCH_ITEMS_COUNT, ITEMS_PER_ROUND_COUNT)},
            created_at=clock.now(),
        )
    for grant in range(GRANTS_COUNT):
        fund(made.id, f"opening {grant}")
    return int(made.id)


def fund(tenant: int, why: str) -> None:
    """Grant a tenant as much as one grant may hold, asked for and approved by two operators of the bench."""
    from pilothouse.kernel.access.commands import add_operator
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.ledger.grants import approve_grant, request_grant
    from pilothouse.kernel.ledger.limits import GRANT_MAX_CREDITS

    with worker_scope(ACTOR):
        first, second = (add_operator(f"bench-{n}@pilothouse.example", "operator").user_id for n in (1, 2))
        asked = request_grant(first, tenant, GRANT_MAX_CREDITS, "pilot_grant", f"Bench {why}")
        if asked.state == "requested":
            approve_grant(second, asked.request)


def _close_connections() -> None:
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
