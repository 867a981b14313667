"""Interleaved rounds: every contender once in each round, the order turned by one from round to round.

Absolute rates on a shared machine are noise; a ratio between two contenders of the same round is not, so ratios are
taken round by round and their median is reported with the lowest and the highest.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

Contender = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of one figure over the rounds, with its lowest and highest value."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """The spread of a non-empty list."""
        return cls(median(values), min(values), max(values))

    def json(self, digits: int = 3) -> dict[str, float]:
        """Rounded, for the report."""
        return {"median": round(self.median, digits), "min": round(self.low, digits), "max": round(self.high, digits)}


@dataclass(frozen=True, slots=True)
class Rounds:
    """What each contender reached in each round, by name; the lists have one length."""

    figures: Mapping[str, list[float]]

    def spread(self, name: str) -> Spread:
        """One contender's own figure."""
        return Spread.of(self.figures[name])

    def ratio(self, name: str, other: str) -> Spread:
        """One contender ÷ another, taken round by round."""
        return Spread.of([a / b for a, b in zip(self.figures[name], self.figures[other], strict=True)])


def interleaved(contenders: Mapping[str, Contender], rounds: int, say: Callable[[str], Any] = lambda _: None) -> Rounds:
    """Run each contender once to warm up and then `rounds` times; each call returns its figure (a rate, a cost)."""
    names = list(contenders)
    say("warm-up")
    for name in names:
        contenders[name]()
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            gc.collect()
            found[name].append(contenders[name]())
    return Rounds(found)
