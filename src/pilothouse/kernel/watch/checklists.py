"""Runs of checklists on the live deployment: recorded line by line, read as one verdict with how long it is valid.

A program runs its own lines; the record is here, so that pilots can tick a machine line from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.ids import new_id

from . import limits
from .models import ChecklistLine, ChecklistRun


@dataclass(frozen=True, slots=True)
class ChecklistResult:
    """One run as it stands. `state` is running, passed, failed or broken_off (it stopped before its last line)."""

    public_id: str
    name: str
    state: str
    started_at: datetime
    started_by: str
    seconds: float
    within_s: int
    valid_until: datetime | None
    lines: tuple[ChecklistLine, ...]
    expects: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether it passed, and recently enough to be built upon."""
        return self.valid_until is not None and self.valid_until > clock.now()


def start_run(name: str, expects: Sequence[str], within_s: int, actor: str) -> ChecklistRun:
    """Begin a run: it passes when each line of `expects` passes and all of them end `within_s` seconds from now."""
    return ChecklistRun.objects.create(
        public_id=new_id("chk"),
        name=name,
        expects=list(expects),
        within_s=within_s,
        started_at=clock.now(),
        started_by=actor,
    )


def record_line(run: ChecklistRun, name: str, *, ok: bool, seconds: float, evidence: str, advice: str = "") -> None:
    """Add what became of one line; a failed one says what to do."""
    most = limits.CHECKLIST_TEXT_MAX_CHARACTERS
    ChecklistLine.objects.create(
        run=run,
        name=name,
        ok=ok,
        seconds=round(seconds, 3),
        evidence=evidence.replace("\x00", "")[:most],
        advice=advice[:most],
        at=clock.now(),
    )


def checklist_runs(name: str, count: int = limits.CHECKLIST_RUNS_COUNT) -> list[ChecklistResult]:
    """The newest runs of a checklist, newest first."""
    runs = list(ChecklistRun.objects.filter(name=name).order_by("-id")[:count])
    lines: dict[int, list[ChecklistLine]] = {run.id: [] for run in runs}
    for line in ChecklistLine.objects.filter(run__in=list(lines)).order_by("id"):
        lines[line.run_id].append(line)
    return [_result(run, lines[run.id]) for run in runs]


def valid_run(name: str) -> ChecklistResult | None:
    """The newest run that passed and still holds, or None."""
    return next((found for found in checklist_runs(name) if found.valid), None)


def _result(run: ChecklistRun, lines: list[ChecklistLine]) -> ChecklistResult:
    last = lines[-1].at if lines else run.started_at
    seconds = (last - run.started_at).total_seconds()
    passed = {line.name for line in lines if line.ok} >= set(run.expects) and seconds <= run.within_s
    if len(lines) >= len(run.expects):
        state = "passed" if passed else "failed"
    elif clock.now() - run.started_at > timedelta(seconds=run.within_s):
        state = "broken_off"
    else:
        state = "running"
    return ChecklistResult(
        public_id=run.public_id,
        name=run.name,
        state=state,
        started_at=run.started_at,
        started_by=run.started_by,
        seconds=seconds,
        within_s=run.within_s,
        valid_until=last + timedelta(seconds=limits.CHECKLIST_VALID_S) if state == "passed" else None,
        lines=tuple(lines),
        expects=tuple(run.expects),
    )


def as_json(found: ChecklistResult) -> dict[str, Any]:
    """A run as one JSON object."""
    return {
        "ok": found.state == "passed",
        "checklist": found.name,
        "run": found.public_id,
        "state": found.state,
        "started_at": clock.iso(found.started_at),
        "started_by": found.started_by,
        "seconds": round(found.seconds, 3),
        "within_s": found.within_s,
        "valid_until": clock.iso(found.valid_until) if found.valid_until else None,
        "lines": [
            {
                "name": line.name,
                "ok": line.ok,
                "seconds": line.seconds,
                "evidence": line.evidence,
                "advice": line.advice,
                "at": clock.iso(line.at),
            }
            for line in found.lines
        ],
    }
