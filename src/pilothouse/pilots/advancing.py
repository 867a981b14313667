"""Moves running pilots on: the next phase when the lines of the present one are done, the review at the last."""

from datetime import timedelta

from pilothouse.kernel.base.scope import worker_scope

from . import limits
from .evaluation import Look, look
from .pilot_models import Pilot
from .pilot_reads import lock_pilot
from .pilot_steps import moved
from .verdicts import to_review


def advance_all() -> int:
    """Advance every active pilot whose phase is done; returns how many moved. Each is a transaction of its own."""
    with worker_scope("pilots"):
        ids = list(
            Pilot.objects.filter(state="active").values_list("public_id", flat=True)[: limits.OPEN_PILOTS_MAX_ROWS]
        )
    count = 0
    for public_id in ids:
        with worker_scope("pilots"):
            count += advance(public_id)
    return count


def advance(public_id: str) -> bool:
    """Move one pilot on as far as its lines allow; returns whether it moved."""
    pilot = lock_pilot(public_id)
    if pilot.state != "active":
        return False
    seen = look(pilot)
    phases = seen.runbook.phases
    here = now = next(number for number, phase in enumerate(phases) if phase.id == pilot.phase)
    while now + 1 < len(phases) and _is_done(seen, now):
        now += 1
        if phases[now].id == seen.runbook.body["review_phase"]:
            to_review(pilot, "review", "system", {"why": "every line is done"})
            return True
    if now == here:
        return False
    moved(
        pilot, "advance", "system", data={"from": phases[here].title, "to": phases[now].title},
        changes={"phase": phases[now].id},
    )  # fmt: skip
    return True


def _is_done(seen: Look, number: int) -> bool:
    phase, following = seen.runbook.phases[number], seen.runbook.phases[number + 1]
    if seen.open_lines(phase=phase.id):
        return False
    begins = seen.scope.since + timedelta(days=following.day_from or 0)
    return not following.waits_for_day or seen.scope.now >= begins
