"""What was promised for a time, and how often and how badly the time was missed: exact counts from the rows themselves.

The kinds of every room and program are here by name; `slos.py` aims at some of them over a window of a running house,
this looks at every row, which a rehearsal's small database allows.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.sql import Row, run
from pilothouse.kernel.lifecycle.table import REGISTRY as LIFECYCLES
from pilothouse.kernel.payments.limits import PAYOUT_DUE_S

from .limits import ACK_DUE_S

FOLDER = Path(__file__).parent / "sql" / "deadlines"


@dataclass(frozen=True, slots=True)
class Deadline:
    """One kind of thing that is promised for a time.

    `sql` is a file with one row {kind, id, what, due_at, done_at, late, excused} for each whose time has come or that
    is done: the subject by its lifecycle and key, what was due of it, when it was promised and done (None while it is
    not), whether that is late, and whether the lateness is somebody else's, as of an endpoint that does not answer.
    """

    name: str
    title: str
    sql: Path
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """How one kind was kept: of `count`, `late` were late by our fault and `excused` by others'. `worst` names the
    subject of the latest of ours, `worst_s` by how much it missed its time, `worst_open` whether it still waits."""

    name: str
    title: str
    count: int
    late: int = 0
    excused: int = 0
    worst: str = ""
    worst_s: float = 0.0
    worst_open: bool = False

    @property
    def counted(self) -> str:
        """The exact count: `1 of 12 late`."""
        return f"{self.late} of {self.count} late"


KINDS: dict[str, Deadline] = {
    kind.name: kind
    for kind in (
        Deadline("timers", "Timers fired within a minute of being due", FOLDER / "timers.sql"),
        Deadline("webhooks", "Webhooks acknowledged within five minutes", FOLDER / "webhooks.sql"),
        Deadline("payouts", "Payouts sent within a day", FOLDER / "payouts.sql", {"due_s": PAYOUT_DUE_S}),
        Deadline(
            "incidents", "Incidents taken by an operator in the time of their severity", FOLDER / "incidents.sql",
            {"ack_s": json.dumps(ACK_DUE_S)},
        ),
    )
}  # fmt: skip


def declare_deadlines(kinds: Iterable[Deadline]) -> tuple[Deadline, ...]:
    """Make what a program promises for a time known to every process that loads it."""
    declared = tuple(kinds)
    KINDS.update({kind.name: kind for kind in declared})
    return declared


def kept() -> list[Kept]:
    """How each kind was kept until now, over all rows (worker's scope); a kind of which nothing was due is left out."""
    now = business_now()
    found = ((kind, run(kind.sql.read_text(encoding="utf-8"), dict(kind.params))) for kind in KINDS.values())
    return [judged(kind.name, kind.title, rows, now) for kind, rows in found if rows]


def judged(name: str, title: str, rows: Sequence[Row], now: datetime) -> Kept:
    """The counts over rows of one kind. Equal lateness is told of the one that was due first."""
    late = [row for row in rows if row["late"] and not row["excused"]]
    excused = sum(row["late"] and row["excused"] for row in rows)
    if not late:
        return Kept(name, title, len(rows), 0, excused)
    worst = max(late, key=lambda row: (_missed_s(row, now), -row["due_at"].timestamp(), -row["id"]))
    return Kept(
        name, title, len(rows), len(late), excused, _named(worst), _missed_s(worst, now), worst["done_at"] is None
    )


def _missed_s(row: Row, now: datetime) -> float:
    seconds: float = ((row["done_at"] or now) - row["due_at"]).total_seconds()
    return round(seconds, 3)


def _named(row: Row) -> str:
    """`holdback_release of deal_3f…`: what was due, and the public id of its subject where it is a subject's."""
    lifecycle = LIFECYCLES.get(row["kind"])
    if lifecycle is None:
        return str(row["what"])
    found = run(f"SELECT to_jsonb(s) ->> 'public_id' AS id FROM \"{lifecycle.table}\" s WHERE s.id = %s", [row["id"]])  # nosec
    subject = (found and found[0]["id"]) or f"{row['kind']} {row['id']}"
    return f"{row['what']} of {subject}" if row["what"] else subject
