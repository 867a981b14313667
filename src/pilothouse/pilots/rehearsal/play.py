"""One rehearsal from its first instant to what it shows. The database that is open must be a rehearsal's own."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings

from pilothouse.kernel.base import machine
from pilothouse.kernel.base.clock import business_now, iso
from pilothouse.kernel.base.rehearsal import FAULTS, Population
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.outbox.sender import sweep
from pilothouse.kernel.terms.differences import differences
from pilothouse.kernel.terms.queries import Version, published
from pilothouse.kernel.watch import invariants, promises
from pilothouse.kernel.watch.deadlines import Kept, judged, kept

from ..evaluation import Look, Verdict
from . import limits
from .desk import Desk
from .errors import RehearsalLength, RehearsalSeed, RehearsalTermsSame
from .faults import Faults, plan
from .post import Endpoints, Notices
from .stage import Played
from .works import PumpRows, Timers

SQL = Statements(__file__)
VALUE_DIGITS = 6


def rehearse(
    program: str, population: Population, *, days: int, seed: int, faults: bool = False,
    terms: Mapping[str, Any] | None = None, passed: Callable[[float], None] = lambda part: None,
) -> dict[str, Any]:  # fmt: skip
    """Play a pilot of `program` for `days` of business time and return its whole story (docs/rehearsal.md).

    Nothing in it comes from this machine's clock, so that equal arguments give equal bytes. `terms` is the body of
    other terms, put in force as the pilot begins. `passed` hears which part of the time has gone by, 0 to 1.
    Raises RehearsalLength or RehearsalSeed, RehearsalTermsSame, and what the program says of terms that it cannot use.
    """
    refuse_unplayable(days, seed)
    with worker_scope("rehearsal"):
        begins = business_now()
        given = published(*population.terms)
    changes = _changes(given, terms) if terms is not None else []
    planned = Faults()
    if faults:
        kinds = [kind for kind in FAULTS if kind in population.faults]
        chance = Played(seed, begins, days, planned).chance("faults")
        planned = plan(chance, kinds, begins, begins + timedelta(days=days))
    stage = Played(seed, begins, days, planned)
    with machine.driven(f"{seed}:machine", lambda: stage.at), _nothing_leaves(), asyncio.Runner() as loop:
        desk = Desk(stage, program, population)
        theirs = population.works(stage, partial(PumpRows, loop), partial(Endpoints, stage))
        stage.works = [Timers(), *theirs, PumpRows(loop, Notices(stage, desk.paged), "notice")]
        desk.activate()
        # The pilot begins under the terms that its runbook names; then others are put in force, as an operator may.
        if terms is not None:
            with worker_scope("rehearsal"):
                population.publish(terms)
        population.begin(stage)
        series = Series(stage, population)
        every = limits.LOOK_EVERY_SHORT_S if days <= limits.SHORT_MAX_DAYS else limits.LOOK_EVERY_S

        def look() -> None:
            population.desk(stage)
            sweep()
            check(stage, population)
            desk.look()
            series.note()
            passed((stage.at - begins) / (stage.ends - begins))

        stage.play(look, timedelta(seconds=every))
        signed = desk.sign()
        check(stage, population)
        told = shown(program, stage, desk, population, series, signed)
    return {**told, "terms": {"name": given.name, "version": given.version, "changes": changes}}


def refuse_unplayable(days: int, seed: int) -> None:
    """Raise RehearsalLength or RehearsalSeed for what cannot be played."""
    if not 1 <= days <= limits.DAYS_MAX:
        raise RehearsalLength(days=days, most=limits.DAYS_MAX)
    if not 0 <= seed <= limits.SEED_MAX:
        raise RehearsalSeed(seed=seed, most=limits.SEED_MAX)


def _changes(given: Version, terms: Mapping[str, Any]) -> list[Row]:
    """What other terms say otherwise; their own number is nothing that they say. Raises RehearsalTermsSame."""
    found = [
        {"field": field, "before": before, "after": after}
        for field, before, after in differences(given.body, terms)
        if field != "version"
    ]
    if not found:
        raise RehearsalTermsSame(version=given.version, name=given.name)
    return found


@contextmanager
def _nothing_leaves() -> Iterator[None]:
    """Mails and alerts are written and taken, and go nowhere."""
    kept = settings.EMAIL_BACKEND, settings.ALERT_URLS
    settings.EMAIL_BACKEND, settings.ALERT_URLS = "django.core.mail.backends.dummy.EmailBackend", ["json://rehearsal"]
    try:
        yield
    finally:
        settings.EMAIL_BACKEND, settings.ALERT_URLS = kept


class Series:
    """What the chart shows: the population's counts at each look."""

    def __init__(self, stage: Played, population: Population) -> None:
        self.stage, self.population = stage, population
        self.points: list[Row] = []
        self.note()

    def note(self) -> None:
        """Add a point, or replace the one of this instant."""
        with worker_scope("rehearsal"):
            point = {"at": iso(self.stage.at), **self.population.counts()}
        if self.points and self.points[-1]["at"] == point["at"]:
            self.points.pop()
        self.points.append(point)


def check(stage: Played, population: Population) -> None:
    """All promises and invariants, what nothing will move on, timers that were not fired, and the program's audit."""
    for result in promises.run():
        if not result.seen.ok:
            first = result.seen.sample[0]["what"] if result.seen.sample else result.promise.title
            stage.found(f"promise:{result.promise.check_name}", result.seen.rows, first)
    for broken in invariants.run_all():
        if broken["rows"]:
            stage.found(f"invariant:{broken['name']}", broken["rows"], broken["title"])
    if not stage.spell("workers_down"):
        _unmoved(stage)
    with worker_scope("rehearsal"):
        wrong = population.audit()
    for each in wrong:
        stage.found(each["check"], 1, each["what"])


def _unmoved(stage: Played) -> None:
    waiting = promises.watch_for_stuck()
    if waiting:
        first = waiting[0]
        stage.found("stuck", len(waiting), f"a {first['kind']} waits in {first['state']} for nothing")
    with worker_scope("rehearsal"):
        overdue = SQL.rows("overdue", count=limits.SAMPLE_MAX_ROWS)
    if overdue:
        first = overdue[0]
        what = f"{first['name']} of a {first['kind']}, due {iso(first['due_at'])}, is {first['state']}"
        stage.found("timer_not_fired", len(overdue), f"{what}{': ' + first['error'] if first['error'] else ''}")


def shown(
    program: str, stage: Played, desk: Desk, population: Population, series: Series, signed: bool
) -> dict[str, Any]:
    """The whole of a rehearsal, read from the database afterwards."""
    look, verdict = desk.seen()
    with worker_scope("rehearsal"):
        incidents = SQL.rows("incidents")
        late = [*kept(), *_lines(look)]
        facts = _facts(desk.tenant)
        money = list(population.money())
    for each in money:
        if not each["holds"]:
            stage.found("money", 1, f"{each['unit']}: {each['into']} came in, and the parts have another sum")
    return {
        "program": program,
        "seed": stage.seed,
        "days": (stage.ends - stage.begins).days,
        "business_time": {"from": iso(stage.begins), "to": iso(stage.at)},
        "pilot": _pilot(look, verdict, signed),
        "incidents": [{**each, "opened_at": iso(each["opened_at"])} for each in incidents],
        "money": money,
        "lateness": _lateness(late),
        "acts": {
            "done": stage.acts,
            "refused": dict(sorted(stage.refusals.items())),
            "trespasses": dict(sorted(stage.trespasses.items())),
        },
        "faults": {
            "struck": dict(sorted(stage.faults.struck.items())),
            "planned": [
                {"kind": each.kind, "at": iso(each.at), "until": iso(each.until)} for each in stage.faults.planned
            ],
        },
        "findings": [
            {"check": each.check, "at": iso(each.at), "rows": each.rows, "what": each.what, "seed": stage.seed}
            for each in stage.findings.values()
        ],
        "series": series.points,
        "story": [{"at": iso(at), "what": words} for at, words in stage.story],
        "facts": facts,
        "holds": not stage.findings,
    }


def _pilot(look: Look, verdict: Verdict, signed: bool) -> dict[str, Any]:
    open_lines = [each.line.text for each in look.open_lines() if each.state in ("open", "no", "waiting")]
    return {
        "pilot": look.pilot.public_id,
        "state": look.pilot.state,
        "phase": look.pilot.phase,
        "verdict": verdict.state,
        "signed": signed,
        "blocked": "" if signed else verdict.blocked,
        "reasons": list(verdict.reasons),
        "insufficient": verdict.insufficient,
        "criteria": [
            {
                "id": each.criterion.id, "title": each.criterion.title, "value": _rounded(each.measure.value),
                "of": each.measure.of, "unit": each.criterion.unit, "target": each.criterion.target,
                "fail_at": each.criterion.fail_at, "verdict": each.verdict, "sentence": each.measure.sentence,
            }
            for each in look.criteria
        ],
        "lines": {"done": sum(each.state in ("done", "na") for each in look.lines), "open": open_lines},
    }  # fmt: skip


def _rounded(value: float | None) -> float | None:
    """Without the last digits of a sum of floats, which follow from the order in which rows were read."""
    return None if value is None else round(value, VALUE_DIGITS)


def _lines(look: Look) -> list[Kept]:
    """The lines that people confirm, against the day that the runbook gives each. A machine's line is no promise of a
    person, and its newest fact says nothing of its first."""
    rows = [
        {
            "kind": "", "id": number, "what": each.line.text, "due_at": each.due_at, "done_at": each.at,
            "late": (each.at or look.scope.now) > each.due_at, "excused": False,
        }
        for number, each in enumerate(look.lines)
        if each.due_at is not None and each.line.kind != "machine" and (each.at or each.due_at < look.scope.now)
    ]  # fmt: skip
    title = "Lines of the runbook that people confirmed by their day"
    return [judged("lines", title, rows, look.scope.now)] if rows else []


def _lateness(found: list[Kept]) -> dict[str, Any]:
    """Every kind of promised time, and over all of them how many were late."""
    return {
        "count": sum(each.count for each in found),
        "late": sum(each.late for each in found),
        "worst_s": max((each.worst_s for each in found), default=0.0),
        "kinds": [{**asdict(each), "counted": each.counted} for each in found],
    }


def _facts(tenant: int) -> Mapping[str, Any]:
    """How many events and transfers there are, and one hash over all of them: two stories are equal when it is."""
    found: dict[str, Any] = {}
    digest = hashlib.sha256()
    for name in ("events", "transfers"):
        rows = SQL.rows(f"all_{name}", tenant=tenant)
        found[name] = len(rows)
        for row in rows:
            digest.update(json.dumps(row, sort_keys=True, default=str).encode())
    return {**found, "sha256": digest.hexdigest()}
