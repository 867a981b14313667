"""What a program says of its rehearsals: who lives in them, and how its rows that fall due are worked on.

The stage on which they live is `pilots/rehearsal`; a program adds a `Population` (`Program.population`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol, TypeVar

from .scope import Scope
from .sql import Row

T = TypeVar("T")
Script = Iterator[timedelta]
InScope = Callable[[], AbstractContextManager[Scope]]
# What may go wrong in a rehearsal with faults. Those of the first line last for hours, the others are moments.
SPELLS = ("workers_down", "endpoint_down", "provider_storm", "bank_refuses")
MOMENTS = ("worker_death", "clock_jump")
ACTS = ("serialization_failure", "duplicate", "reordered")
FAULTS = (*SPELLS, *MOMENTS, *ACTS)


class Refused(Exception):
    """An act was refused by the product; its script ends there."""


class Stage(Protocol):
    """Where a population acts. `at` is business time; it moves from one due instant to the next."""

    seed: int
    at: datetime
    begins: datetime
    ends: datetime

    def chance(self, *of: object) -> Random:
        """What is drawn for one of them: its own stream, so that what others draw does not change it."""
        ...

    def go(self, after: timedelta, who: str, script: Script) -> None:
        """Begin a script `after` from now; each `yield` says how long it waits."""
        ...

    def act(self, what: str, scope: InScope, call: Callable[[], T], *, twice: bool = True) -> T:
        """Somebody does something, in a transaction that may fail at its end, or be sent twice (unless not `twice`).

        Raises Refused when the product refuses it; anything else that it raises is a finding.
        """
        ...

    def again(self, what: str, scope: InScope, call: Callable[[], object]) -> None:
        """The same news comes a second time, or too late: it is refused or changes nothing, which the checks see."""
        ...

    def trespass(self, what: str, scope: InScope, call: Callable[[], object]) -> None:
        """Somebody does what is not theirs to do: a finding unless it is refused."""
        ...

    def spell(self, kind: str) -> bool:
        """Whether a fault of SPELLS lasts now."""
        ...

    def strikes(self, kind: str) -> bool:
        """Whether a fault of ACTS strikes here, drawn anew; it is counted."""
        ...

    def tell(self, words: str) -> None:
        """One line of the story."""
        ...


class Work(Protocol):
    """Rows that fall due, worked on by a worker.

    `due` is a SELECT of one row: whether one of them is due now, and when the next one after now is (null: none is).
    """

    name: str
    due: str

    def run(self) -> int:
        """Work on what is due now; returns how many rows moved."""
        ...

    def die(self) -> Callable[[], None] | None:
        """Begin to work and die in the middle. Returns what the dead worker does when it comes late; None when there
        was nothing to work on, so that nobody died."""
        ...


# The rows of a pump (kernel/work/pump.py) that fall due in a table with `next_run_at` and `lease_until`.
PumpWork = Callable[[Any, str], Work]
# What stands for the HTTP client of webhooks: it hears (event, body) of each one that the endpoint took.
Post = Callable[[Callable[[str, bytes], None]], Any]


class Population(Protocol):
    """Who lives in a program's rehearsal. One object for one rehearsal."""

    # The account's name and who speaks for it (the qualification form).
    company: str
    contact: tuple[str, str]
    # The kind and the name of the terms that a what-if may change.
    terms: tuple[str, str]
    faults: Sequence[str]

    def open(self, stage: Stage) -> int:
        """Make the account with its people and all that the pilot's preparation needs; returns its key."""
        ...

    def members(self) -> Mapping[str, str]:
        """{role: actor} of those who attest the customer's lines."""
        ...

    def begin(self, stage: Stage) -> None:
        """The pilot is active: put everybody's scripts on the stage."""
        ...

    def works(self, stage: Stage, work: PumpWork, post: Post) -> Sequence[Work]:
        """What its workers do, besides timers, mails and chats. `work` and `post` make what it needs."""
        ...

    def desk(self, stage: Stage) -> None:
        """What operators do each time that they look."""
        ...

    def counts(self) -> Mapping[str, int]:
        """What the chart shows, as it is now (worker's scope): names in the order of the chart."""
        ...

    def money(self) -> Sequence[Row]:
        """Where the money is (worker's scope): {unit, into, parts: {name: amount}, holds} of each unit."""
        ...

    def audit(self) -> Sequence[Row]:
        """What neither a promise nor an invariant sees (worker's scope): {check, what} of each that is wrong."""
        ...

    def publish(self, body: Mapping[str, Any]) -> None:
        """Put other terms in force for the what-if (worker's scope), as their next version."""
        ...
