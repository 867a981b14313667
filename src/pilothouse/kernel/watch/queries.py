"""Reads of gates, incidents and check runs.

A statement that claims work embeds the gate as a predicate, so that a gate which closed before the statement began
stops it, with no lock and no extra round trip:

    NOT EXISTS (SELECT FROM gates_over('video', 'no_dispatch', i.tenant) g WHERE g.opened_at IS NULL)

`gate_predicate` writes it for generated SQL. It stops what would be sent upstream for the first time; polling what is
upstream already, settling, refunding and timers go on.
"""

from collections.abc import Iterable
from typing import Literal

from pilothouse.kernel.base.clock import iso
from pilothouse.kernel.base.sql import Row, Statements

from .errors import Paused
from .limits import PAUSES_MAX_ROWS

SQL = Statements(__file__)


def gate_predicate(program: str, tenant_column: str, mode: Literal["no_dispatch", "no_new"] = "no_dispatch") -> str:
    """The SQL condition that is true while no gate of this mode is closed over `program` and the row's tenant.

    `program` and `tenant_column` are written by us, never by a caller of the API.
    """
    return f"NOT EXISTS (SELECT FROM gates_over('{program}', '{mode}', {tenant_column}) g WHERE g.opened_at IS NULL)"


def closed_gates(program: str, tenant: int | None) -> list[Row]:
    """The closed gates that hold `tenant` in `program` (`None`: those over everybody), the stronger mode first.

    Rows are {public_id, program, tenant, mode, reason, closed_at}.
    """
    return SQL.rows("closed_gates", program=program, tenant=tenant)


def held_by_p0(gates: Iterable[str]) -> bool:
    """Whether an open P0 holds one of these gates, by their public ids, closed."""
    return SQL.one("p0_holds", gates=list(gates)) is not None


def refuse_if_paused(program: str, tenant: int) -> None:
    """Raise Paused (409 `paused`) when a gate of either mode is closed: neither lets new work in."""
    for gate in closed_gates(program, tenant):
        raise Paused(gate=gate["mode"], reason=gate["reason"], closed_at=iso(gate["closed_at"]), id=gate["public_id"])


def pauses(tenant: int, days: int) -> list[Row]:
    """Gates that hold a tenant, and those that did within the last days: {program, mode, reason, closed_at, opened_at}.

    Those that are closed still come first, then the newest.
    """
    return SQL.rows("pauses", tenant=tenant, days=days, count=PAUSES_MAX_ROWS)


def open_incidents() -> list[Row]:
    """Every incident that is not ended, the worst first: {public_id, kind, severity, state, title, program, owner}."""
    return SQL.rows("open_incidents")


def history(public_id: str) -> list[Row]:
    """An incident's own lines, oldest first: {at, actor, type, data}."""
    return SQL.rows("history", public_id=public_id)


def heartbeat_age() -> float | None:
    """Seconds of machine time since the freshest worker was heard of; None when none ever was."""
    row = SQL.one("heartbeat_age")
    return None if row is None or row["age_s"] is None else float(row["age_s"])


def all_closed_gates() -> list[Row]:
    """Every closed gate of every program (operator's or worker's scope): {public_id, program, tenant, mode, …}."""
    return SQL.rows("all_closed_gates")
