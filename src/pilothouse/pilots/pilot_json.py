"""A look at a pilot as one JSON object: for the command line, the demo, and whoever exports it."""

from datetime import datetime
from typing import Any

from pilothouse.kernel.base.clock import iso

from .evaluation import Look, Verdict
from .parity import parity_of
from .pilot_models import Pilot


def as_json(seen: Look, verdict: Verdict | None = None) -> dict[str, Any]:
    """The pilot with its phases, lines, criteria, failure conditions, metrics, and the verdict as it would be now.

    What a look for the customer left out is not in it either.
    """
    pilot = seen.pilot
    told = {
        **summary(pilot),
        "form": pilot.form,
        "phases": [
            {
                "id": phase.id, "number": phase.number, "title": phase.title, "days": phase.days,
                "is_current": phase.id == pilot.phase,
                "lines": [_line(each) for each in seen.of_phase(phase.id)],
            }
            for phase in seen.runbook.phases
        ],
        "criteria": [
            {
                "id": each.criterion.id, "title": each.criterion.title, "verdict": each.verdict,
                "value": each.measure.value, "of": each.measure.of, "interval": _interval(each.measure),
                "target": each.criterion.target, "fail_at": each.criterion.fail_at,
                "verifier": each.criterion.verifier, "sentence": each.measure.sentence,
            }
            for each in seen.criteria
        ],
        "failures": [
            {
                "id": each.failure.id, "title": each.failure.title, "holds": each.holds, "cleared": each.cleared,
                "sentence": each.sentence,
            }
            for each in seen.failures
        ],
        "metrics": [
            {
                "id": each.metric.id, "title": each.metric.title, "visibility": each.metric.visibility,
                "target": each.metric.target, "met": each.met,
                "value": each.measure.value if each.measure else None,
                "sentence": each.measure.sentence if each.measure else "",
            }
            for each in seen.metrics
        ],
    }  # fmt: skip
    if seen.pilot.since is not None:
        told["parity"] = shown_parity(parity_of(pilot))
    if verdict is not None:
        told["verdict_now"] = {
            "state": verdict.state, "reasons": list(verdict.reasons), "insufficient_data": verdict.insufficient,
            "blocked": verdict.blocked,
        }  # fmt: skip
    return told


def summary(pilot: Pilot) -> dict[str, Any]:
    """The pilot's own row."""
    return {
        "pilot": pilot.public_id,
        "program": pilot.program,
        "company": pilot.company,
        "runbook": {"id": pilot.runbook, "version": pilot.runbook_version, "sha256": pilot.runbook_hash},
        "state": pilot.state,
        "phase": pilot.phase,
        "attempt": pilot.attempt,
        "created_at": iso(pilot.created_at),
        "locked_at": _at(pilot.locked_at),
        "activated_at": _at(pilot.since),
        "deadline_at": _at(pilot.deadline_at),
        "deadline_left_s": pilot.deadline_left_s,
        "paused": pilot.pause_reason,
        "owner": pilot.owner,
        "due_at": _at(pilot.due_at),
        "verdict": pilot.verdict,
        "verdict_by": pilot.verdict_by,
        "recommendation": pilot.recommendation,
    }


def _line(each: Any) -> dict[str, Any]:
    return {
        "id": each.line.id, "text": each.line.text, "kind": each.line.kind, "visibility": each.line.visibility,
        "state": each.state, "by": each.who, "role": each.role, "at": _at(each.at), "evidence": each.sentence,
        "url": each.url, "due_at": _at(each.due_at), "is_late": each.is_late,
    }  # fmt: skip


def shown_parity(told: dict[str, Any]) -> dict[str, Any]:
    """What `parity_of` says, with instants as texts."""
    for each in (*told["asked"], *told["proofs"], *filter(None, [told["accepted"]])):
        each["at"] = iso(each["at"])
    return told


def _interval(measure: Any) -> list[float] | None:
    return None if measure.low is None or measure.high is None else [measure.low, measure.high]


def _at(at: datetime | None) -> str | None:
    return iso(at) if at else None
