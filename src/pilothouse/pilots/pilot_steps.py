"""What every step of a pilot shares: the move by its table, its words in the timeline, and its timers."""

from collections.abc import Mapping
from typing import Any

from pilothouse.kernel.base.days import SECONDS_PER_DAY
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply, arm, cancel

from . import limits
from .lifecycle import BEFORE, PILOT
from .pilot_models import Pilot
from .pilot_reads import access_pilot
from .runbook import Runbook

NAME = PILOT.name


def moved(
    pilot: Pilot, event: str, role: str, *, reason: str = "", data: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Pilot:  # fmt: skip
    """One step of a locked pilot by its table, with its timeline event; returns it as it stands then."""
    apply(PILOT, event, [pilot.id], role=role, reason=reason, data=data, changes=changes)
    return access_pilot(pilot.public_id)


def tell(pilot: Pilot, type_: str, data: Mapping[str, Any], visibility: str = "customer") -> None:
    """One more event in a pilot's timeline."""
    append_events([NewEvent(pilot.tenant_id, NAME, pilot.id, type_, data=data, visibility=visibility)])


def arm_stale(pilot: Pilot, runbook: Runbook) -> None:
    """Begin the time in which a pilot that does not run has to move on, with its notices."""
    cancel(NAME, [pilot.id])
    if pilot.state not in BEFORE:
        return
    subject = [(pilot.tenant_id, pilot.id)]
    for day in limits.STALE_NOTICES_DAYS:
        if day < runbook.body["stale_days"]:
            arm(NAME, f"stale_notice_{day}", subject, float(day * SECONDS_PER_DAY))
    arm(NAME, "stale", subject, runbook.seconds("stale_days"))
