"""What a program tells about one pilot: facts that tick its lines, and measures that decide its criteria.

A runbook names these functions; the program registers them in its `Program.checks`. Each reads in the open scope and
changes nothing. What is shown to a customer is read in that customer's own scope, so a function behind a line or a
criterion that a customer sees must need no other rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Attested:
    """The newest word of a person on one line: when, who, in which role, whether they said yes, and what shows it.

    `proof` is the public id of a proof that they accepted, while it stands: it passed, and no later one differs.
    """

    at: datetime
    actor: str
    role: str
    agrees: bool
    note: str = ""
    evidence: str = ""
    is_applicable: bool = True
    proof: str = ""


@dataclass(frozen=True, slots=True)
class PilotScope:
    """Which pilot is looked at: its account, from when, until when (None = no deadline yet), and what was agreed.

    `tenant` is the account's row id and `pilot` the pilot's. `conditions` is the runbook's `[scope]`, with what the
    qualification form changed in it. `attested` holds what people said, by the line's id. Instants are business time.
    """

    pilot: int
    tenant: int
    program: str
    since: datetime
    until: datetime | None
    now: datetime
    conditions: Mapping[str, Any] = field(default_factory=dict)
    attested: Mapping[str, Attested] = field(default_factory=dict)
    # What the functions of one look at this pilot read once and share.
    memo: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fact:
    """Whether something is so, in one sentence, since when, and the page that shows it (a path; empty for none)."""

    done: bool
    sentence: str
    at: datetime | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number over `of` cases; None where nothing was measured. `low` and `high` are its 95 % interval.

    `plain` is the source's own formula where the verdict uses a better one. `url` is the page with the rows.
    """

    value: float | None
    of: int
    sentence: str
    low: float | None = None
    high: float | None = None
    plain: float | None = None
    url: str = ""


LineCheck = Callable[[PilotScope, str], Fact]
MeasureCheck = Callable[[PilotScope, str], Measure]


@dataclass(frozen=True, slots=True)
class PilotChecks:
    """The functions of one program, by the names that its runbooks use; the text is the line's `argument`.

    `lines` tick machine lines and tell failure conditions, `measures` give criteria and metrics, `waits` says what
    still runs at the deadline and so delays the verdict. `rows` are the tables, {name: rows}, from which an outsider
    computes the criteria again beside ledger and timeline; without it a pilot of the program cannot be exported.
    `slots` fills what only the program knows in the texts of a runbook, each value on one line. `parity_url` is where
    operators make and keep a proof of parity: of (account's public id, first, second), the two empty for a new one.
    """

    lines: Mapping[str, LineCheck] = field(default_factory=dict)
    measures: Mapping[str, MeasureCheck] = field(default_factory=dict)
    waits: LineCheck | None = None
    rows: Callable[[PilotScope], dict[str, list[dict[str, Any]]]] | None = None
    slots: Callable[[PilotScope], Mapping[str, str]] | None = None
    parity_url: Callable[[str, str, str], str] | None = None
