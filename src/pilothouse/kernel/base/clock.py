"""The two clocks.

*Business time* decides promises (timers, deadlines, windows). In SQL it is `(SELECT base.clock_now())`, and the
database's clock is the only one that decides. *Machine time* runs machinery (leases, HTTP timeouts, signatures).

Python's machine time comes from `machine`, the only place that reads a wall clock.
"""

from datetime import UTC, datetime, timedelta

from . import machine
from .sql import run


def now() -> datetime:
    """Machine time as an aware UTC datetime: for display and for signing, never to decide a promise."""
    return machine.now()


def business_now(plus_s: float = 0) -> datetime:
    """Business time as the database tells it in the open scope, `plus_s` seconds later."""
    (row,) = run("SELECT base.clock_now() AS at")
    at: datetime = row["at"]
    return at + timedelta(seconds=plus_s)


def iso(at: datetime) -> str:
    """`at` as ISO 8601 in UTC with a `Z` and whole seconds: `2026-01-24T10:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
