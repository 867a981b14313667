"""Pause and resume: a pilot is paused while a gate is closed over its account, and for no other reason.

Closing the gate is what stops work; the pilot follows it, at once where an operator did it and within seconds where an
incident did. A pause for a P0 or a rollback stops the pilot's clock; money owed to people is never held up.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import arm, cancel
from pilothouse.kernel.watch.gates import close_gate, reopen_gate
from pilothouse.kernel.watch.queries import closed_gates, held_by_p0

from . import limits
from .lifecycle import RUNNING
from .pilot_errors import StillGated
from .pilot_models import Pilot
from .pilot_reads import lock_pilot, text_of
from .pilot_steps import NAME, moved
from .runbook import pinned
from .verdicts import to_review

SQL = Statements(__file__, "sql/pilot")
# These stop the pilot's clock: the delay is not the customer's.
SUSPENDING = ("P0", "rollback")


def pause(public_id: str, reason: str, note: str, *, mode: Literal["no_dispatch", "no_new"] = "no_new") -> Pilot:
    """Close the gate over the pilot's account and pause the pilot with it. `note` is what the customer reads.

    `reason` is operator, customer or rollback; a P0 pauses by itself.
    """
    pilot = lock_pilot(public_id)
    note = text_of(note, "note", limits.NOTE_MAX_CHARACTERS)
    close_gate(pilot.program, note, mode=mode, tenant=pilot.tenant_id)
    return _pause(pilot, reason, note)


def resume(public_id: str) -> Pilot:
    """Reopen the gates over the pilot's account and go on.

    Raises ResumeRefused while a P0 has no written root cause or a red check, StillGated for a gate over everybody, and
    TransitionRefused where no gate is closed over a pilot that does not run.
    """
    pilot = lock_pilot(public_id)
    gates = closed_gates(pilot.program, pilot.tenant_id)
    if not gates and pilot.state not in RUNNING:
        return moved(pilot, "resume", "operator")
    for gate in gates:
        if gate["tenant"] is None:
            raise StillGated(gate=gate["public_id"])
        reopen_gate(gate["public_id"])
    return _resume(pilot)


def give_up(public_id: str, note: str = "", *, role: str = "operator") -> Pilot:
    """Stop waiting for a paused pilot: it goes to review. With a P0 still open only the failure can be signed."""
    return to_review(lock_pilot(public_id), "give_up", role, {"note": note})


def follow_gates() -> int:
    """Pause the pilots over whose account a gate closed, and resume those whose gates are open; returns how many.

    Each pilot is one transaction, so one that cannot go on holds up no other.
    """
    with worker_scope("pilots"):
        wanted = SQL.rows("to_follow", count=limits.OPEN_PILOTS_MAX_ROWS)
    for row in wanted:
        with worker_scope("pilots"):
            _follow(row)
    return len(wanted)


def _follow(row: Row) -> None:
    pilot = lock_pilot(row["public_id"])
    gates = closed_gates(pilot.program, pilot.tenant_id)
    if pilot.state in ("active", "review") and gates:
        held = held_by_p0(gate["public_id"] for gate in gates)
        _pause(pilot, "P0" if held else "operator", gates[0]["reason"], gates[0]["closed_at"])
    elif pilot.state == "paused" and not gates:
        _resume(pilot)


def _pause(pilot: Pilot, reason: str, note: str, at: Any = None) -> Pilot:
    """Stop the clock at the moment the gate closed, keep what was left of it, and bound the pause."""
    if pilot.state == "paused":
        return pilot
    now = business_now()
    changes: dict[str, Any] = {
        "paused_from": pilot.state, "paused_at": now, "pause_reason": reason, "pause_note": note,
    }  # fmt: skip
    if reason in SUSPENDING and pilot.deadline_at is not None and pilot.state == "active":
        left = (pilot.deadline_at - min(now, at or now)).total_seconds()
        changes |= {"deadline_left_s": max(0.0, left), "deadline_at": None}
        cancel(NAME, [pilot.id], "deadline")
    data = {"note": note, "deadline_at": _iso(changes.get("deadline_at", pilot.deadline_at))}
    pilot = moved(pilot, "pause", "system", reason=reason, data=data, changes=changes)
    arm(NAME, "pause_max", [(pilot.tenant_id, pilot.id)], pinned(pilot.runbook_hash).seconds("pause_max_days"))
    return pilot


def _resume(pilot: Pilot) -> Pilot:
    if pilot.state != "paused":
        return pilot
    cancel(NAME, [pilot.id], "pause_max")
    changes: dict[str, Any] = {
        "paused_from": "", "paused_at": None, "pause_reason": "", "pause_note": "", "deadline_left_s": None,
    }  # fmt: skip
    if pilot.paused_from == "review":
        return moved(pilot, "resume_review", "system", changes=changes)
    left = pilot.deadline_left_s
    if left is not None:
        changes["deadline_at"] = business_now() + timedelta(seconds=left)
        arm(NAME, "deadline", [(pilot.tenant_id, pilot.id)], left)
    data = {"left_s": left, "deadline_at": _iso(changes.get("deadline_at", pilot.deadline_at))}
    pilot = moved(pilot, "resume", "system", data=data, changes=changes)
    if pilot.deadline_at is not None and pilot.deadline_at <= business_now():
        return to_review(pilot, "review", "timer", {"why": "deadline"})
    return pilot


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
