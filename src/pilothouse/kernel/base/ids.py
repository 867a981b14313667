"""Public ids: a prefix that says what it is, and 26 characters that sort by time.

The text is Crockford base 32 over 48 bits of milliseconds and 80 random bits (the layout of a ULID), so it
needs no escaping anywhere and two hosts never meet.
"""

from . import machine

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Two characters at a time: half the look-ups of an id.
PAIRS = [high + low for high in ALPHABET for low in ALPHABET]


def new_id(prefix: str) -> str:
    """A new public id such as `bat_01k9…`: `prefix`, an underscore and 26 characters."""
    return f"{prefix}_{_text((_milliseconds() << 80) | machine.bits(80))}"


def new_ids(prefix: str, count: int) -> list[str]:
    """`count` new public ids in rising order, so that rows inserted together stay in order."""
    start = (_milliseconds() << 80) | machine.bits(79)
    return [f"{prefix}_{_text(value)}" for value in range(start, start + count)]


def _milliseconds() -> int:
    return int(machine.now().timestamp() * 1000)


def _text(value: int) -> str:
    return "".join([PAIRS[(value >> shift) & 1023] for shift in range(120, -10, -10)])
