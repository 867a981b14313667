"""Interleaved rounds: every contender once in each round, the order turned by one from round to round.

Absolute rates on a shared machine are noise; a ratio between two contenders of the same round is not, so ratios are
taken round by round and their median is reported with the lowest and the highest.
"""

import gc
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

# One turn of one contender: its figures (rates, costs) by name.
Contender = Callable[[], Mapping[str, float]]


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
    """What was reached in each round, by the name of the figure; the lists have one length."""

    figures: Mapping[str, list[float]]

    def spread(self, name: str) -> Spread:
        """One figure."""
        return Spread.of(self.figures[name])

    def ratio(self, name: str, other: str) -> Spread:
        """One figure ÷ another, taken round by round."""
        return Spread.of([a / b for a, b in zip(self.figures[name], self.figures[other], strict=True)])


def interleaved(contenders: Sequence[Contender], rounds: int, say: Callable[[str], Any] = lambda _: None) -> Rounds:
    """Let each contender run once to warm up and then `rounds` times."""
    say("warm-up")
    for contender in contenders:
        contender()
    found: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        turn = number % len(contenders)
        for contender in (*contenders[turn:], *contenders[:turn]):
            gc.collect()
            for name, figure in contender().items():
                found[name].append(figure)
    return Rounds(found)
