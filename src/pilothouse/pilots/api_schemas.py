"""What the operations on pilots answer, for /openapi.json."""

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import Field

from pilothouse.kernel.base.openapi import Next, Ok

PILOT = "pil_01m7y7ar27xbx1ym9x17zb8bhs"
AT, DEADLINE = "2026-03-02T09:00:00Z", "2026-03-04T09:00:00Z"
EQUATION = "1 of 1 completed batches add up in the ledger."


def _f(description: str, example: Any) -> Any:
    return Field(description=description, examples=[example])


class PilotRow(Schema):
    """A pilot in a list."""

    pilot_id: str = _f("The pilot's id.", PILOT)
    program: str = _f("What is piloted.", "video")
    company: str = _f("Whose pilot it is.", "Northwind Ceramics")
    state: str = _f("Where it is, from prospect to closed.", "active")
    phase: str = _f("The phase of the runbook that it is in.", "first_batch")
    attempt: int = _f("Which attempt; a retry is the next one.", 1)
    created_at: datetime = _f("When it began as a prospect.", AT)
    activated_at: datetime | None = _f("When the clock of this attempt began; null before.", AT)
    deadline_at: datetime | None = _f("When it is judged at the latest; null while the clock stands.", DEADLINE)
    paused: str = _f("Why it is paused: P0, rollback, customer or operator; empty when it is not.", "")
    verdict: str = _f("The signed verdict: succeeded, failed or inconclusive; empty before.", "")


class PilotsOut(Schema):
    """One page of pilots, newest first."""

    ok: Ok
    pilots: list[PilotRow] = Field(description="The account's pilots.")
    next: Next


class PilotLineOut(Schema):
    """One line of the checklist."""

    id: str = _f("The line's id in the runbook.", "equation_holds")
    text: str = _f("What the line says.", "reserved = settled + refunded for every completed batch, in the ledger")
    kind: str = _f("Who ticks it: machine, ours or customer.", "machine")
    state: str = _f("done, open, waiting, no or na.", "done")
    by: str = _f("Who ticked it: machine, us, or the member; empty while it is open.", "machine")
    at: datetime | None = _f("When it was ticked.", AT)
    evidence: str = _f("What shows it.", EQUATION)
    due_at: datetime | None = _f("When it should be done.", DEADLINE)
    is_late: bool = _f("Whether that has passed.", False)


class PilotPhaseOut(Schema):
    """One phase with its lines."""

    id: str = _f("The phase's id in the runbook.", "verification")
    title: str = _f("Its title.", "Verification")
    days: str = _f("Its window.", "Day 1–2")
    is_current: bool = _f("Whether the pilot is in it.", True)
    lines: list[PilotLineOut] = Field(description="The lines that concern you.")


class PilotCriterionOut(Schema):
    """One criterion, as it stands now."""

    id: str = _f("The criterion's id in the runbook.", "finance_verified")
    title: str = _f("What is judged.", "Finance verifies reserved = settled + refunded")
    verdict: str = _f("pass, inconclusive, fail or insufficient.", "pass")
    value: float | None = _f("What was measured; null when nothing could be.", 1)
    of: int = _f("Over how many cases.", 1)
    target: str = _f("What passes.", ">= 1")
    fail_at: str = _f("What fails; none when nothing does.", "< 1")
    sentence: str = _f("The measure in words.", "1 of 1 add up; Finance has confirmed")


class PilotOut(PilotRow):
    """One pilot with its phases, lines and criteria."""

    ok: Ok
    runbook_version: int = _f("The version of the runbook that the pilot is pinned to.", 1)
    runbook_sha256: str = _f("Its hash.", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    phases: list[PilotPhaseOut] = Field(description="The phases, in order.")
    criteria: list[PilotCriterionOut] = Field(description="How the pilot is judged.")
