"""A look at one pilot: each line with what ticked it, each criterion with its value and verdict, and what follows.

Everything is computed from the ledger, the timeline and what people attested, so a fact that goes away opens its line
again. A signature ends that for criteria and failure conditions: they stay as they were signed. A look for the customer
reads only what the customer may see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.facts import Attested, Fact, Measure, PilotScope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.watch.parity import standing

from .lifecycle import JUDGED
from .parity import proofs_of
from .pilot_models import Attestation, Pilot
from .registry import line_check, measure_check, waits_for
from .runbook import NEVER_FAILS, Criterion, Failure, Line, Metric, Runbook, compare, pinned

SQL = Statements(__file__, "sql/pilot")
PASS, FAIL, INCONCLUSIVE, INSUFFICIENT = "pass", "fail", "inconclusive", "insufficient"
# What was said before the activation holds for every attempt.
LASTING_GROUPS = ("accept", "expectation", "reject")


@dataclass(frozen=True, slots=True)
class LineState:
    """A line as it stands. `state` is done, open, no (answered against us), na, or waiting for another line."""

    line: Line
    state: str
    sentence: str
    at: datetime | None = None
    url: str = ""
    who: str = ""
    role: str = ""
    due_at: datetime | None = None
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class CriterionState:
    """A criterion with its value and verdict: pass, inconclusive, fail or insufficient."""

    criterion: Criterion
    measure: Measure
    verdict: str


@dataclass(frozen=True, slots=True)
class FailureState:
    """A failure condition: whether it holds, and whether an accepted proof took it back."""

    failure: Failure
    holds: bool
    cleared: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class MetricState:
    """A number with its target; `met` is None without a target or a value."""

    metric: Metric
    measure: Measure | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from the facts: a state of the pilot, the ids that decide it, and whether it may be signed now.

    `insufficient` says that an inconclusive verdict is for want of data. `blocked` is why nobody may sign yet.
    """

    state: str
    reasons: tuple[str, ...]
    insufficient: bool
    blocked: str


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a pilot. `later`: criteria and failure conditions that the facts now give otherwise than signed."""

    pilot: Pilot
    runbook: Runbook
    scope: PilotScope
    lines: tuple[LineState, ...]
    criteria: tuple[CriterionState, ...]
    failures: tuple[FailureState, ...]
    metrics: tuple[MetricState, ...]
    later: tuple[CriterionState | FailureState, ...] = ()

    def of_phase(self, phase: str) -> list[LineState]:
        """The lines of one phase."""
        return [each for each in self.lines if each.line.phase == phase]

    def open_lines(self, *, phase: str = "", group: str = "") -> list[LineState]:
        """Lines that still have to be done, of one phase or group; optional ones are never missing."""
        return [
            each
            for each in self.lines
            if each.state not in ("done", "na")
            and not each.line.is_optional
            and (not phase or each.line.phase == phase)
            and (not group or each.line.group == group)
        ]


def look(pilot: Pilot, viewer: str = "internal") -> Look:
    """Look at a pilot in the open scope; `viewer` is internal (operators and the worker) or customer.

    After a signature criteria and failure conditions are those that were signed, whatever has happened since.
    """
    seen = look_now(pilot, viewer)
    return _as_signed(seen) if pilot.verdict else seen


def _as_signed(seen: Look) -> Look:
    criteria = {each["id"]: each for each in seen.pilot.findings["criteria"]}
    failures = {each["id"]: each for each in seen.pilot.findings["failures"]}
    signed = tuple(_criterion_signed(each, criteria[each.criterion.id]) for each in seen.criteria)
    conditions = tuple(
        FailureState(each.failure, told["holds"], told["cleared"], told["sentence"])
        for each in seen.failures
        for told in (failures[each.failure.id],)
    )
    thens: tuple[CriterionState | FailureState, ...] = (*signed, *conditions)
    nows: tuple[CriterionState | FailureState, ...] = (*seen.criteria, *seen.failures)
    later = [now for then, now in zip(thens, nows, strict=True) if _decisive(then) != _decisive(now)]
    return replace(seen, criteria=signed, failures=conditions, later=tuple(later))


def _criterion_signed(now: CriterionState, told: Mapping[str, Any]) -> CriterionState:
    measured = {name: told[name] for name in ("value", "of", "sentence", "low", "high", "plain")}
    return CriterionState(now.criterion, Measure(**measured, url=now.measure.url), told["verdict"])


def _decisive(each: CriterionState | FailureState) -> tuple[Any, ...]:
    """What of a criterion or a condition a reader would call a change."""
    if isinstance(each, FailureState):
        return each.holds, each.cleared
    return each.verdict, each.measure.value


def look_now(pilot: Pilot, viewer: str = "internal") -> Look:
    """As `look`, with the facts as they are now, also after a signature."""
    runbook = pinned(pilot.runbook_hash)
    scope = scope_of(pilot, runbook)
    lines: dict[str, LineState] = {}
    for line in runbook.lines.values():
        if viewer == "internal" or line.visibility == "customer":
            lines[line.id] = _line(pilot, line, scope, lines)
    criteria = tuple(
        _criterion(pilot, criterion, scope)
        for criterion in runbook.criteria
        if viewer == "internal" or criterion.visibility == "customer"
    )
    failures = tuple(_failure(failure, scope, criteria) for failure in runbook.failures)
    metrics = tuple(
        _metric(metric, scope) for metric in runbook.metrics if viewer == "internal" or metric.visibility == "customer"
    )
    return Look(pilot, runbook, scope, tuple(lines.values()), criteria, failures, metrics)


def scope_of(pilot: Pilot, runbook: Runbook) -> PilotScope:
    """What the functions of a look at this pilot get."""
    now = business_now()
    return PilotScope(
        pilot=pilot.id,
        tenant=pilot.tenant_id,
        program=pilot.program,
        since=pilot.since or now,
        until=pilot.deadline_at,
        now=now,
        conditions={**runbook.scope, **pilot.form},
        attested=_attested(pilot, runbook),
    )


def _attested(pilot: Pilot, runbook: Runbook) -> dict[str, Attested]:
    newest = Attestation.objects.filter(pilot_id=pilot.id, period="").order_by("line", "-id").distinct("line")
    found = {}
    stand: dict[int | None, str] | None = None
    for row in newest:
        if row.proof_id is not None and stand is None:
            stand = {proof.id: proof.public_id for proof in standing(proofs_of(pilot))}
        line = runbook.lines.get(row.line)
        if line is not None and (row.attempt == pilot.attempt or line.group in LASTING_GROUPS):
            found[row.line] = Attested(
                row.at, row.actor, row.role, row.agrees, row.note, row.evidence, row.is_applicable,
                (stand or {}).get(row.proof_id, ""),
            )  # fmt: skip
    return found


def _line(pilot: Pilot, line: Line, scope: PilotScope, before: dict[str, LineState]) -> LineState:
    due = pilot.since + timedelta(hours=line.due_hours) if pilot.since and line.due_hours is not None else None
    late = due is not None and scope.now > due
    missing = [need for need in line.needs if need in before and before[need].state != "done"]
    if line.kind == "machine":
        check = line_check(pilot.program, line.check)
        assert check is not None
        fact = check(scope, line.argument)
        if fact.done and not missing:
            return LineState(line, "done", fact.sentence, fact.at, fact.url, "machine", due_at=due)
        state = "waiting" if missing else "open"
        return LineState(line, state, fact.sentence, None, fact.url, due_at=due, is_late=late)
    said = scope.attested.get(line.id)
    if said is None:
        return LineState(line, "waiting" if missing else "open", "", due_at=due, is_late=late)
    good = said.agrees != (line.group == "reject")
    state = "na" if not said.is_applicable else "done" if good else "no"
    url = said.evidence if said.evidence.startswith("/") else ""
    return LineState(line, state, said.note, said.at, url, said.actor, said.role, due, late and not good)


def window_is_over(pilot: Pilot, now: datetime) -> bool:
    """Whether a miss of a criterion with a deadline counts: the deadline has passed, or the pilot is under review."""
    return pilot.review_at is not None or (pilot.deadline_at is not None and now >= pilot.deadline_at)


def _criterion(pilot: Pilot, criterion: Criterion, scope: PilotScope) -> CriterionState:
    check = measure_check(pilot.program, criterion.measure)
    assert check is not None
    measure = check(scope, criterion.argument)
    return CriterionState(criterion, measure, judge(criterion, measure, window_is_over(pilot, scope.now)))


def judge(criterion: Criterion, measure: Measure, is_over: bool) -> str:
    """The verdict of one criterion. A miss is one only when its window is over; too few cases tell nothing."""
    if measure.value is None or measure.of < criterion.least:
        return INSUFFICIENT
    if compare(criterion.target, measure.value):
        return PASS
    if criterion.window == "deadline" and not is_over:
        return INSUFFICIENT
    if criterion.fail_at != NEVER_FAILS and compare(criterion.fail_at, measure.value):
        return FAIL
    return INCONCLUSIVE


def _failure(failure: Failure, scope: PilotScope, criteria: Sequence[CriterionState]) -> FailureState:
    missed = next((each for each in criteria if each.criterion.id == failure.criterion and each.verdict == FAIL), None)
    fact = Fact(False, "")
    if failure.check:
        check = line_check(scope.program, failure.check)
        assert check is not None
        fact = check(scope, "")
    holds = missed is not None or fact.done
    said = scope.attested.get(failure.cleared_by)
    cleared = holds and said is not None and said.proof != "" and (fact.at is None or said.at >= fact.at)
    return FailureState(failure, holds, cleared, missed.measure.sentence if missed else fact.sentence)


def _metric(metric: Metric, scope: PilotScope) -> MetricState:
    if metric.qualitative:
        return MetricState(metric, None, None)
    check = measure_check(scope.program, metric.measure)
    assert check is not None
    measure = check(scope, metric.argument)
    met = compare(metric.target, measure.value) if metric.target and measure.value is not None else None
    return MetricState(metric, measure, met)


def open_p0(pilot: Pilot) -> list[dict[str, Any]]:
    """Open P0 incidents over the pilot's scope (operators' or worker's scope)."""
    return SQL.rows("p0", tenant=pilot.tenant_id, program=pilot.program)


def verdict_of(seen: Look, p0: Sequence[Any] = ()) -> Verdict:
    """What the facts say, in the order of the rules: an open P0, then fail, insufficient, inconclusive, success.

    After a give-up an open P0 leaves only the failure to be signed.
    """
    pilot = seen.pilot
    failing = [each.failure.id for each in seen.failures if each.holds and not each.cleared]
    failing += [
        each.criterion.id
        for each in seen.criteria
        if each.verdict == FAIL and not any(each.criterion.id == f.failure.criterion for f in seen.failures)
    ]
    if p0 and pilot.gave_up_at is not None:
        return Verdict("failed", ("open_p0", *failing), False, "")
    blocked = ""
    if p0:
        blocked = f"{p0[0]['public_id']} ({p0[0]['kind']}) is an open P0."
    elif pilot.state != "review" and pilot.state not in JUDGED:
        blocked = "The pilot is not under review."
    else:
        blocked = _still_running(seen)
    for verdict, state in ((FAIL, "failed"), (INSUFFICIENT, "inconclusive"), (INCONCLUSIVE, "inconclusive")):
        ids = failing if verdict == FAIL else [e.criterion.id for e in seen.criteria if e.verdict == verdict]
        if ids:
            return Verdict(state, tuple(ids), verdict == INSUFFICIENT, blocked)
    return Verdict("succeeded", tuple(each.criterion.id for each in seen.criteria), False, blocked)


def signed_verdict(pilot: Pilot) -> Verdict:
    """The verdict of a signed pilot, with what decided it then."""
    told = pilot.findings
    return Verdict(told["state"], tuple(told["reasons"]), told["insufficient"], "")


def _still_running(seen: Look) -> str:
    """Why the verdict waits for what was under way at the deadline; empty when it does not, or waited long enough."""
    waits, until = waits_for(seen.pilot.program), seen.scope.until
    if waits is None or until is None:
        return ""
    if seen.scope.now >= until + timedelta(seconds=seen.runbook.seconds("verdict_waits_hours")):
        return ""
    fact = waits(seen.scope, "")
    return fact.sentence if fact.done else ""
