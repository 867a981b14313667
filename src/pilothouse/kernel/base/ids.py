"""Public ids: a prefix that says what it is, and 26 characters that sort by time.

The text is Crockford base 32 over 48 bits of milliseconds and 80 random bits (the layout of a ULID), so it
needs no escaping anywhere and two hosts never meet.
"""

import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from . import clock

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Two characters at a time: half the look-ups of an id.
PAIRS = [high + low for high in ALPHABET for low in ALPHABET]

# A rehearsal replaces both sources so that the same seed gives the same ids.
_random_bits: ContextVar[Callable[[int], int]] = ContextVar("random_bits", default=secrets.randbits)
_milliseconds: ContextVar[Callable[[], int]] = ContextVar(
    "milliseconds", default=lambda: int(clock.now().timestamp() * 1000)
)


def new_id(prefix: str) -> str:
    """A new public id such as `bat_01k9…`: `prefix`, an underscore and 26 characters."""
    return f"{prefix}_{_text((_milliseconds.get()() << 80) | _random_bits.get()(80))}"


def new_ids(prefix: str, count: int) -> list[str]:
    """`count` new public ids in rising order, so that rows inserted together stay in order."""
    start = (_milliseconds.get()() << 80) | (_random_bits.get()(79))
    return [f"{prefix}_{_text(value)}" for value in range(start, start + count)]


@contextmanager
def seeded(seed: int, milliseconds: Callable[[], int]) -> Iterator[None]:
    """Ids that follow from a seed and from a clock of one's own, for a rehearsal that must come out the same."""
    bits = _random_bits.set(random.Random(seed).getrandbits)  # noqa: S311 - a rehearsal's ids guard nothing
    clock_set = _milliseconds.set(milliseconds)
    try:
        yield
    finally:
        _milliseconds.reset(clock_set)
        _random_bits.reset(bits)


def _text(value: int) -> str:
    return "".join([PAIRS[(value >> shift) & 1023] for shift in range(120, -10, -10)])
