"""Gates: close at once, reopen only with reasons."""

from typing import Literal

from pilothouse.kernel.base.errors import Conflict, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements

from .checks import offending
from .errors import ResumeRefused
from .lifecycle import WITHOUT_CAUSE
from .words import words

SQL = Statements(__file__)


def close_gate(
    program: str,
    reason: str,
    *,
    mode: Literal["no_dispatch", "no_new"] = "no_new",
    tenant: int | None = None,
    incident: int | None = None,
) -> Row:
    """Close the gate over a program for one tenant (None = all); `reason` is what customers read.

    Closing a closed gate is the same gate, with its first reason. With `incident` that incident holds it too. Returns
    {id, public_id}. A batch whose creation began before the commit of this may still come in; what claims work for
    dispatch reads the gate in its own statement.
    """
    words("reason", reason)
    params = {"program": program, "tenant": tenant, "mode": mode}
    gate = SQL.one("close_gate", public_id=new_id("gat"), reason=reason, actor=current_scope().actor, **params)
    gate = gate or SQL.one("closed_gate", **params)
    if gate is None:
        # It was closed when we tried and reopened before we looked: the caller decides whether to close again.
        raise Conflict(reason="The gate was reopened at this moment. Close it again if it has to stay closed.")
    if incident is not None:
        SQL.execute("hold_gate", gate=gate["id"], incident=incident)
    return gate


def reopen_gate(public_id: str) -> Row:
    """Reopen a gate: the customer's work goes on.

    1. Lock the gate, so that nobody adds a hold that we do not see.
    2. Each P0 that holds it needs a written root cause and, when a check found it, that check green now.
    3. Open it; one that is open already stays so.

    Raises ResumeRefused, naming everything that is missing.
    """
    gate = SQL.one("lock_gate", public_id=public_id)
    if gate is None:
        raise NotFound(what="gate")
    missing = what_is_missing(SQL.rows("holders_of_gate", gate=gate["id"]))
    if missing:
        raise ResumeRefused(missing=" and ".join(missing), gate=public_id)
    SQL.execute("reopen_gate", gate=gate["id"], actor=current_scope().actor)
    return gate


def what_is_missing(holders: list[Row]) -> list[str]:
    """What the incidents that hold a gate still ask for, one phrase each; empty when it may reopen."""
    missing: list[str] = []
    for incident in holders:
        if incident["severity"] != "P0" or incident["state"] in ("false_alarm", "resolved"):
            continue
        name = f"{incident['public_id']} ({incident['kind']})"
        if incident["state"] in WITHOUT_CAUSE:
            missing.append(f"the root cause of {name} has to be written")
        missing += red_check(incident)
    return missing


def red_check(incident: Row) -> list[str]:
    """The phrase for an incident's check that is not green now; empty when it is, or when there is none."""
    if not incident["check_name"]:
        return []
    rows = offending(incident["check_name"], incident["tenant"])
    return [f"the check {incident['check_name']} has to be green (it finds {rows})"] if rows else []
