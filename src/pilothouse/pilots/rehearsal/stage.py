"""The stage: business time, everybody's scripts, and what is due. The next due instant is taken, time moves there, and
the same commands run as for everybody else.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

import structlog
from django.db import OperationalError

from pilothouse.kernel.base import simulated_clock
from pilothouse.kernel.base.clock import iso
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.rehearsal import InScope, Refused, Script, Work
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run

from . import limits
from .faults import Fault, Faults
from .works import due_of

T = TypeVar("T")
log = structlog.get_logger(__name__)
# The error with which PostgreSQL ends a transaction that cannot be put in order with the others.
SERIALIZATION_FAILURE = "DO $$ BEGIN RAISE EXCEPTION 'rehearsed' USING ERRCODE = '40001'; END $$"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that should not be so: which check saw it first, when, in how many rows, and the first of them."""

    check: str
    at: datetime
    rows: int
    what: str


class Played:
    """A stage (kernel/base/rehearsal.py) on the open rehearsal's database."""

    def __init__(self, seed: int, begins: datetime, days: int, faults: Faults) -> None:
        self.seed = seed
        self.at = self.begins = begins
        self.ends = begins + timedelta(days=days)
        self.faults = faults
        self.findings: dict[str, Finding] = {}
        self.refusals: Counter[str] = Counter()
        # Of these, what was refused because it was not theirs to do.
        self.trespasses: Counter[str] = Counter()
        self.acts = 0
        self.story: list[tuple[datetime, str]] = []
        self.works: Sequence[Work] = ()
        self._agenda: list[tuple[datetime, int, str, Script]] = []
        self._numbers = itertools.count()
        self._dying = False
        # Whether the workers left nothing that was due, and when the next row is, as they saw it last (None: none).
        self._is_quiet = False
        self._after: datetime | None = None
        for fault in faults.planned:
            self._push(fault.at, fault.kind, self._strike(fault))

    def chance(self, *of: object) -> Random:
        return Random(f"{self.seed}:{of}")  # noqa: S311 - what is drawn in a rehearsal guards nothing

    def go(self, after: timedelta, who: str, script: Script) -> None:
        self._push(self.at + after, who, script)

    def _push(self, at: datetime, who: str, script: Script) -> None:
        heapq.heappush(self._agenda, (at, next(self._numbers), who, script))

    def act(self, what: str, scope: InScope, call: Callable[[], T], *, twice: bool = True) -> T:
        self.acts += 1
        if self.strikes("serialization_failure"):
            self._fails_to_commit(scope, call)
        try:
            with scope():
                done = call()
        except PilothouseError as refusal:
            self.refusals[refusal.code] += 1
            raise Refused(f"{what}: refused, {refusal.code}") from refusal
        except Exception as error:
            self.unexpected(what, error)
            raise Refused(what) from error
        self.tell(what)
        if twice and self.strikes("duplicate"):
            self.again(what, scope, call)
        return done

    def _fails_to_commit(self, scope: InScope, call: Callable[[], object]) -> None:
        """The first try is ended by the database, whatever it did; whoever asked asks again."""
        try:
            with scope():
                call()
                run(SERIALIZATION_FAILURE)
        except (OperationalError, PilothouseError):
            return

    def again(self, what: str, scope: InScope, call: Callable[[], object]) -> None:
        try:
            with scope():
                call()
        except PilothouseError as refusal:
            self.refusals[refusal.code] += 1
        except Exception as error:
            self.unexpected(f"{what}, again", error)

    def trespass(self, what: str, scope: InScope, call: Callable[[], object]) -> None:
        self.acts += 1
        try:
            with scope():
                call()
        except PilothouseError as refusal:
            self.refusals[refusal.code] += 1
            self.trespasses[refusal.code] += 1
            self.tell(f"{what}: refused, {refusal.code}")
        except Exception as error:
            self.unexpected(what, error)
        else:
            self.found("wrong_role", 1, f"{what}: it was not refused")

    def spell(self, kind: str) -> bool:
        return self.faults.lasts(kind, self.at)

    def strikes(self, kind: str) -> bool:
        return self.faults.strikes(kind)

    def tell(self, words: str) -> None:
        if len(self.story) < limits.STORY_MAX_LINES:
            self.story.append((self.at, words))

    def found(self, check: str, rows: int, what: str) -> None:
        """Keep what a check saw, the first time that it saw something."""
        if check not in self.findings:
            self.findings[check] = Finding(check, self.at, rows, what)
            self.tell(f"{check}: {what}")

    def unexpected(self, what: str, error: Exception) -> None:
        """An error that nobody declared."""
        log.warning("rehearsal_unexpected", what=what, error=repr(error))
        self.found("unexpected_error", 1, f"{what}: {type(error).__name__}: {str(error).splitlines()[0][:200]}")

    def move_to(self, at: datetime) -> None:
        """Let business time pass; it never goes back."""
        self.at = max(self.at, at)
        with worker_scope("rehearsal"):
            simulated_clock.move_to(self.at)

    def play(self, look: Callable[[], Any], every: timedelta) -> None:
        """Run everything to the end; `look` is what operators and checks do `every` so often, and at the end."""
        self.go(every, "", self._looking(look, every))
        self.work()
        while (due := self._next()) is not None and due <= self.ends:
            idle = self._is_quiet and (self._after is None or due < self._after)
            if due > self.at:
                self.move_to(due)
            if not idle:
                self.work()
            while self._agenda and self._agenda[0][0] <= self.at:
                _, _, who, script = heapq.heappop(self._agenda)
                self._step(who, script)
                self.work()
        self.move_to(self.ends)
        self.work()
        look()

    def _looking(self, look: Callable[[], Any], every: timedelta) -> Script:
        while True:
            look()
            yield every

    def _step(self, who: str, script: Script) -> None:
        try:
            length = next(script, None)
        except Refused as refusal:
            self.tell(str(refusal))
            return
        except Exception as error:
            self.unexpected(who, error)
            return
        if length is not None:
            self._push(self.at + length, who, script)

    def _next(self) -> datetime | None:
        due = [self._agenda[0][0]] if self._agenda else []
        if self._after is not None:
            due.append(self._after)
        return min(due) if due else None

    def work(self) -> None:
        """Work on what is due until nothing more is; while the workers are down nobody does."""
        self._after, self._is_quiet = None, False
        if self.spell("workers_down"):
            return
        for _ in range(limits.ROUNDS_MAX_COUNT):
            if self._dying:
                self._die()
            with worker_scope("rehearsal"):
                due = due_of(self.works)
            if sum([self._ran(work) for work, (now, _) in zip(self.works, due, strict=True) if now]) == 0:
                self._after = min((after for _, after in due if after is not None), default=None)
                self._is_quiet = True
                return
        self.found("never_quiet", 1, f"due rows were worked on {limits.ROUNDS_MAX_COUNT} times at {iso(self.at)}")

    def _ran(self, work: Work) -> int:
        try:
            return work.run()
        except Exception as error:
            self.unexpected(work.name, error)
            return 0

    def _die(self) -> None:
        """The worker dies with whatever it has begun; one that has nothing to do lives on until it has."""
        died = [(work.name, late) for work in self.works if (late := work.die()) is not None]
        if not died:
            return
        self._dying = False
        self.faults.struck["worker_death"] += 1
        self.tell(f"fault: the worker dies in the middle of {', '.join(name for name, _ in died)}")
        for name, late in died:
            after = self.chance("late", name, iso(self.at)).randrange(1, limits.LATE_MAX_S)
            self.go(timedelta(seconds=after), name, _late(late))

    def _strike(self, fault: Fault) -> Script:
        """A fault's own script: it begins here, and what waited goes on when it is over."""
        if fault.kind == "worker_death":
            self._dying = True
            return
        self.faults.struck[fault.kind] += 1
        if fault.kind == "clock_jump":
            self.tell(f"fault: the clock jumps to {iso(fault.until)}")
            self.move_to(fault.until)
        else:
            self.tell(f"fault: {fault.kind.replace('_', ' ')} until {iso(fault.until)}")
            yield fault.until - self.at
            self.tell(f"{fault.kind.replace('_', ' ')} is over")


def _late(finish: Callable[[], None]) -> Script:
    finish()
    yield from ()
