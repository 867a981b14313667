"""A runbook: what a pilot of one program consists of, as versioned terms of the kind `runbook`.

Its text is a TOML file of the program; the published body is that file as JSON. Lines, criteria and failure conditions
are read through the classes here, everything else as it stands.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pilothouse.kernel.base.days import SECONDS_PER_DAY
from pilothouse.kernel.terms.queries import Version, by_hash

from .limits import RUNBOOK_FILE_MAX_BYTES
from .runbook_errors import RunbookMalformed

KIND = "runbook"
KEPT_COUNT = 64
KINDS = ("customer", "machine", "ours")
VISIBILITIES = ("customer", "internal")
NEVER_FAILS = "none"
COMPARISON = re.compile(r"^(>=|<=|>|<|=) (-?\d+(?:\.\d+)?)$")
COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda value, limit: value >= limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    "<": lambda value, limit: value < limit,
    "=": lambda value, limit: value == limit,
}
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase with its window in days from the activation; both None before it."""

    id: str
    number: int
    title: str
    days: str = ""
    day_from: int | None = None
    day_to: int | None = None
    waits_for_day: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a checklist. `kind` says who ticks it; `due_hours` count from the activation.

    `group` accept and reject are the qualification, expectation is the lock, preparation stands before the activation.
    """

    id: str
    phase: str
    group: str
    kind: str
    text: str
    visibility: str
    owner: str
    requirement: str
    roles: tuple[str, ...] = ()
    check: str = ""
    argument: str = ""
    needs: tuple[str, ...] = ()
    due_hours: float | None = None
    code: str = ""
    is_optional: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion: the measure, what passes, what fails (`none` = a miss is inconclusive), and who verifies it.

    `window` deadline means that a miss before the deadline is not yet one; `least` is the fewest cases that can tell.
    """

    id: str
    number: int
    title: str
    measure: str
    target: str
    fail_at: str
    window: str
    unit: str
    verifier: str
    visibility: str
    requirement: str
    argument: str = ""
    least: int = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure condition: a criterion that failed, or a fact; `cleared_by` names the line that takes it back."""

    id: str
    number: int
    title: str
    requirement: str
    criterion: str = ""
    check: str = ""
    cleared_by: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that is shown and never part of a verdict; a qualitative one has no measure."""

    id: str
    title: str
    unit: str
    visibility: str
    requirement: str
    measure: str = ""
    argument: str = ""
    target: str = ""
    qualitative: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """One message with slots such as `{name}`; `audience` is customer or internal.

    `when` says from when on it can be sent: active, review, or succeeded (signed, or as the facts say); empty for any.
    """

    id: str
    audience: str
    channel: str
    subject: str
    body: str
    requirement: str
    when: str = ""


@dataclass(frozen=True)
class Runbook:
    """One runbook; `hash` is that of the terms (empty before it is stored)."""

    body: Mapping[str, Any]
    hash: str = ""

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """The phases in their order."""
        return tuple(_part(Phase, each) for each in self.body["phases"])

    @cached_property
    def lines(self) -> dict[str, Line]:
        """The lines by id, in their order."""
        return {each["id"]: _part(Line, each) for each in self.body["lines"]}

    @cached_property
    def daily(self) -> dict[str, Line]:
        """The lines that return each day, by id; `at` is their hour."""
        return {each["id"]: _part(Line, each) for each in self.body.get("daily", ())}

    @cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """The criteria in their order."""
        return tuple(_part(Criterion, each) for each in self.body["criteria"])

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """The failure conditions in their order."""
        return tuple(_part(Failure, each) for each in self.body.get("failures", ()))

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics in their order."""
        return tuple(_part(Metric, each) for each in self.body.get("metrics", ()))

    @cached_property
    def texts(self) -> dict[str, Text]:
        """The message texts by id."""
        return {each["id"]: _part(Text, each) for each in self.body.get("texts", ())}

    @cached_property
    def own_slots(self) -> frozenset[str]:
        """Slots that the runbook's own parts give: a box for each line and signal, the value of each criterion."""
        return frozenset(
            (
                *(f"tick_{line}" for line in (*self.lines, *self.daily)),
                *(f"criterion_{criterion.id}" for criterion in self.criteria),
                *(f"heard_{signal['kind']}" for signal in self.body.get("signals", ())),
            )
        )

    @property
    def scope(self) -> dict[str, Any]:
        """What the pilot is limited to and reckoned with."""
        return dict(self.body.get("scope", {}))

    @property
    def title(self) -> str:
        """Its name for people."""
        return str(self.body["title"])

    def group(self, name: str) -> list[Line]:
        """The lines of one group, in their order."""
        return [line for line in self.lines.values() if line.group == name]

    def takes_back(self, line: str) -> bool:
        """Whether a line takes a failure condition back: the customer agrees to it by accepting a proof."""
        return any(failure.cleared_by == line for failure in self.failures)

    def of_phase(self, phase: str) -> list[Line]:
        """The lines of one phase, in their order."""
        return [line for line in self.lines.values() if line.phase == phase]

    def seconds(self, name: str) -> float:
        """A length of the runbook (`deadline_hours`, `stale_days`, …) in seconds."""
        unit = 3600 if name.endswith("_hours") else SECONDS_PER_DAY
        return float(self.body[name]) * unit


def compare(rule: str, value: float) -> bool:
    """Whether a value satisfies a rule such as `>= 0.9`. The rule has passed the checks of publishing."""
    found = COMPARISON.match(rule)
    assert found is not None, rule
    return COMPARE[found[1]](value, float(found[2]))


def read_file(path: Path) -> dict[str, Any]:
    """The body of a runbook file. Raises RunbookMalformed for one that is no TOML, no UTF-8 or too long."""
    if path.stat().st_size > RUNBOOK_FILE_MAX_BYTES:
        raise RunbookMalformed(reason=f"a runbook has at most {RUNBOOK_FILE_MAX_BYTES:,} bytes.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RunbookMalformed(reason=f"{path.name} is no TOML in UTF-8: {error}") from None


@lru_cache(maxsize=KEPT_COUNT)
def pinned(hash_: str) -> Runbook:
    """The runbook to which a pilot is pinned. It never changes, so it is read once. Raises NoTerms."""
    return Runbook(by_hash(KIND, hash_).body, hash_)


def of_version(version: Version) -> Runbook:
    """The runbook of a version of terms."""
    return Runbook(version.body, version.hash)


def _part(kind: type[Part], given: Mapping[str, Any]) -> Part:
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in given.items() if key in names})
