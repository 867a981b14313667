"""What a program tells about a pilot of it in one tenant, so that the rooms above can watch, review and stop any pilot.

A program declares one loader; digests, reviews, triggers, rollbacks and feedback forms read the rest through it. All
functions run in an operator's or the worker's scope, except where they say otherwise.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pilothouse.kernel.base.errors import NotFound

Z95 = 1.959964
PASS, FAIL, INCONCLUSIVE, INSUFFICIENT = "pass", "fail", "inconclusive", "insufficient"


@dataclass(frozen=True, slots=True)
class JudgedMetric:
    """One metric: `value` (a share, days, or a count) over `of` subjects, its target in words, its verdict.

    `low` and `high` are the 95 % interval, None where it cannot be told; `plain` is the written formula over all where
    the verdict is over fewer. A measure without a target has no verdict.
    """

    name: str
    title: str
    value: float | None
    count: int
    of: int
    unit: Literal["share", "days", "count"] = "share"
    target: str = ""
    verdict: str = ""
    low: float | None = None
    high: float | None = None
    plain: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The measure for a stored digest, the command line and a report."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Trend:
    """The measures of one part: a week, or a version of the terms."""

    part: str
    of: int
    measures: Sequence[JudgedMetric]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One version against the one before it: for each measure (old, new, differs: yes, no or insufficient)."""

    name: str
    old: str
    new: str
    lines: Sequence[tuple[JudgedMetric, JudgedMetric, str]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the daily checklist, filled from data; `ok` is None when the data alone cannot say.

    With `page`, a desk page's path, the line is done once an operator has opened that page on the day, unless the data
    say that it is not.
    """

    title: str
    value: str
    ok: bool | None = None
    page: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody with open work: the mail address, the row id of the person, and the public ids of that work."""

    email: str
    person: int
    subjects: Sequence[str]


@dataclass(frozen=True, slots=True)
class FeedbackFacts:
    """What a person's feedback is about: its title, the role in which they give it, the version of the terms."""

    title: str
    role: str
    version: str
    url: str


@dataclass(frozen=True, slots=True)
class PilotFacts:
    """What one program tells. `flag` is the switch that its creating command obeys; `subjects` names its work.

    `day` gives the counters of a span by their words; `lines` the program's lines of each part of the daily checklist;
    `triggers` one sentence for each threshold of the rollback that is crossed; `export` writes all timelines and ledger
    rows of a tenant into a folder and gives {file, rows, sha256} of each; `feedback` (in the person's own scope) raises
    NotFound for a stranger and Conflict before the end.
    """

    program: str
    title: str
    subjects: str
    flag: str
    tenants: Callable[[], list[int]]
    day: Callable[[int, datetime, datetime], Mapping[str, int]]
    lines: Callable[[int, datetime, datetime], Mapping[str, Sequence[Line]]]
    primary: Callable[[int], Sequence[JudgedMetric]]
    secondary: Callable[[int], Sequence[JudgedMetric]]
    weeks: Callable[[int], Sequence[Trend]]
    versions: Callable[[int], Sequence[Comparison]]
    triggers: Callable[[int], Sequence[str]]
    open_work: Callable[[int], Mapping[str, int]]
    parties: Callable[[int], Sequence[Party]]
    export: Callable[[int, Path], Sequence[Mapping[str, Any]]]
    feedback: Callable[[int, str], FeedbackFacts]
    # Desk pages beside the review: (label, name of the url).
    pages: Sequence[tuple[str, str]] = field(default_factory=tuple)
    # What an operator decided, for their own feedback: (tenant, facts) of a subject, in the operators' scope. Raises
    # NotFound, and Conflict before the decision.
    judged: Callable[[str], tuple[int, FeedbackFacts]] | None = None


_loaders: dict[str, Callable[[], PilotFacts]] = {}


def declare_pilot(program: str, load: Callable[[], PilotFacts]) -> Callable[[], PilotFacts]:
    """Make a program's facts known; they are loaded when somebody first asks."""
    _loaders[program] = load
    return load


def facts_of(program: str) -> PilotFacts:
    """The facts of a program; NotFound when it has none."""
    if program not in _loaders:
        raise NotFound(what="program")
    return _loaders[program]()


def piloted() -> list[PilotFacts]:
    """The facts of all programs that have some, by name."""
    return [_loaders[name]() for name in sorted(_loaders)]


def wilson(count: int, of: int) -> tuple[float, float] | None:
    """The 95 % interval of a share (Wilson's score interval, 1927), or None over nothing."""
    if of == 0:
        return None
    share, z2 = count / of, Z95 * Z95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(name: str, title: str, count: int, of: int) -> JudgedMetric:
    """A share without a target, with its interval."""
    low, high = wilson(count, of) or (None, None)
    return JudgedMetric(name, title, count / of if of else None, count, of, low=low, high=high)
