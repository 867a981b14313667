"""Scopes: who may see which rows, for the length of one transaction.

`ph_web` and `ph_worker` are the two login roles. A web process can do nothing with tenant tables until it opens a
scope, which takes a role and a tenant for one transaction; a query outside one raises here in Python, and row-level
security denies it again in PostgreSQL.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

WEB_ALIAS = "default"
WORKER_ALIAS = "worker"


class ScopeMissing(RuntimeError):
    """A tenant table was touched outside a scope, or a scope was opened inside another one."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One open scope: its kind, the tenant's key for `tenant`, and who acts."""

    kind: Literal["tenant", "ops", "worker"]
    tenant: int | None
    actor: str

    @property
    def alias(self) -> str:
        """The database alias whose login role this scope uses."""
        return WORKER_ALIAS if self.kind == "worker" else WEB_ALIAS


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope:
    """The open scope; ScopeMissing outside of one."""
    scope = _current.get()
    if scope is None:
        raise ScopeMissing("no scope is open: use tenant_scope, ops_scope or worker_scope")
    return scope


def scope_or_none() -> Scope | None:
    """The open scope, or None."""
    return _current.get()


def scoped_connection() -> BaseDatabaseWrapper:
    """The database connection of the open scope."""
    return connections[current_scope().alias]


@contextmanager
def _open(scope: Scope, role: str | None) -> Iterator[Scope]:
    outer = _current.get()
    if outer is not None:
        if (outer.kind, outer.tenant) != (scope.kind, scope.tenant):
            raise ScopeMissing(f"a {scope.kind} scope cannot be opened inside a {outer.kind} scope")
        with transaction.atomic(using=scope.alias):
            yield outer
        return
    with transaction.atomic(using=scope.alias):
        connection = connections[scope.alias]
        if role is not None:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('role', %s, true), set_config('app.tenant', %s, true),"
                    " set_config('app.actor', %s, true)",
                    [role, "" if scope.tenant is None else str(scope.tenant), scope.actor],
                )
        token = _current.set(scope)
        try:
            yield scope
        finally:
            _current.reset(token)


@contextmanager
def tenant_scope(tenant: int, actor: str = "system") -> Iterator[Scope]:
    """One transaction as `ph_app`, seeing and changing the rows of one tenant only.

    A scope of the same tenant joins the open one as a savepoint; of another tenant it is refused.
    """
    with _open(Scope("tenant", tenant, actor), "ph_app") as scope:
        yield scope


@contextmanager
def ops_scope(actor: str, what: str = "") -> Iterator[Scope]:
    """One transaction as `ph_ops`: reads all tenants and writes platform tables.

    Who opened it, when and for `what` is a row of `ops_access`, so that each look across tenants can be told later.
    """
    outermost = _current.get() is None
    with _open(Scope("ops", None, actor), "ph_ops") as scope:
        if outermost:
            with connections[scope.alias].cursor() as cursor:
                cursor.execute(
                    "INSERT INTO ops_access (at, actor, what) VALUES (statement_timestamp(), %s, %s)", [actor, what]
                )
        yield scope


@contextmanager
def worker_scope(actor: str = "worker") -> Iterator[Scope]:
    """One transaction of the worker's own login role, which works across tenants."""
    with _open(Scope("worker", None, actor), None) as scope:
        yield scope


def release_connection() -> None:
    """Give this thread's web connection back to the pool before waiting for a client, who may take his time.

    There are fewer connections than threads. Inside a transaction nothing happens; the next query takes one again.
    """
    connection = connections[WEB_ALIAS]
    if connection.settings_dict["OPTIONS"].get("pool") and not connection.in_atomic_block:
        connection.close()


class ScopeRouter:
    """Sends each ORM query to the connection of the open scope; outside one, to the web connection."""

    def db_for_read(self, model: object, **hints: object) -> str:
        scope = _current.get()
        return WEB_ALIAS if scope is None else scope.alias

    db_for_write = db_for_read

    def allow_relation(self, first: object, second: object, **hints: object) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        return db == "owner"
