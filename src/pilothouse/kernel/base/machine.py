"""What a process takes from its machine: the wall clock, a steady clock, and chance.

Everybody takes them from here, so that a rehearsal can replace all three at once and the same seed gives the same
story. Secrets are not chance: keys and tokens come from `secrets`, in a rehearsal too.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Machine:
    """A source of each: `now` an aware UTC instant, `steady` seconds that only move forward, `chance` what is drawn."""

    now: Callable[[], datetime]
    steady: Callable[[], float]
    chance: random.Random


THIS = Machine(lambda: datetime.now(UTC), time.monotonic, random.SystemRandom())
_machine: ContextVar[Machine] = ContextVar("machine", default=THIS)


def now() -> datetime:
    """Machine time as an aware UTC datetime."""
    return _machine.get().now()


def steady() -> float:
    """Seconds of a clock that nobody sets, for breakers, rate limits and how long something took."""
    return _machine.get().steady()


def uniform(low: float, high: float) -> float:
    """A number drawn between two, for jitter."""
    return _machine.get().chance.uniform(low, high)


def bits(count: int) -> int:
    """A whole number of `count` drawn bits, for ids."""
    return _machine.get().chance.getrandbits(count)


@contextmanager
def driven(seed: int | str, at: Callable[[], datetime]) -> Iterator[None]:
    """Replace all three for the block: chance follows from `seed`, and both clocks from `at`."""
    chance = random.Random(str(seed))  # noqa: S311 - what is drawn in a rehearsal guards nothing
    token = _machine.set(Machine(at, lambda: at().timestamp(), chance))
    try:
        yield
    finally:
        _machine.reset(token)
