"""What goes wrong in a rehearsal with faults: drawn from the seed before it begins, so that it strikes the same way."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from pilothouse.kernel.base.days import SECONDS_PER_DAY
from pilothouse.kernel.base.rehearsal import ACTS, MOMENTS, SPELLS

from . import limits


@dataclass(frozen=True, slots=True)
class Fault:
    """One that has a time: a spell lasts until `until`, a clock jump moves time there, a death has no length."""

    kind: str
    at: datetime
    until: datetime


@dataclass
class Faults:
    """All faults of one rehearsal; `struck` counts what has come so far."""

    planned: list[Fault] = field(default_factory=list)
    kinds: frozenset[str] = frozenset()
    chance: Random = field(default_factory=Random)
    struck: Counter[str] = field(default_factory=Counter)

    def lasts(self, kind: str, at: datetime) -> bool:
        """Whether a spell of this kind lasts at this instant."""
        return any(each.kind == kind and each.at <= at < each.until for each in self.planned)

    def strikes(self, kind: str) -> bool:
        """Whether this act is hit; without faults never, and nothing is drawn."""
        if kind not in self.kinds or self.chance.random() >= limits.ACT_FAULT_RATIO:
            return False
        self.struck[kind] += 1
        return True


def plan(chance: Random, kinds: Sequence[str], begins: datetime, ends: datetime) -> Faults:
    """Draw the spells and moments of the given kinds; each kind comes at least once."""
    days = (ends - begins) / timedelta(days=1)
    short = days <= limits.SHORT_MAX_DAYS
    longest = limits.SPELL_MAX_SHORT_S if short else limits.SPELL_MAX_S
    planned = []
    for kind in (*SPELLS, *MOMENTS):
        every = limits.SPELL_EVERY_DAYS if kind in SPELLS else limits.MOMENT_EVERY_DAYS
        if short:
            every = limits.EVERY_SHORT_DAYS
        for _ in range(max(1, round(days / every)) if kind in kinds else 0):
            # The first tenth is the beginning, when there is little to break.
            at = begins + timedelta(seconds=round(chance.uniform(0.05, 0.9) * days * SECONDS_PER_DAY))
            length = timedelta(seconds=round(chance.uniform(0.1, 1.0) * longest))
            planned.append(Fault(kind, at, at if kind == "worker_death" else at + length))
    planned.sort(key=lambda each: (each.at, each.kind))
    return Faults(planned, frozenset(kinds) & frozenset(ACTS), chance)
