"""How rows that fall due are worked on in a rehearsal: in this process, one after the other, by the same functions."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeVar

from pilothouse.kernel.base.rehearsal import Work
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Row, run
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.work.pump import Pump

from . import limits

T = TypeVar("T")
NOW = "SELECT coalesce(bool_or(at <= base.clock_now()), false)"
AFTER = "FILTER (WHERE at > base.clock_now())"


class Died(Exception):
    """The worker is dead; what it had not committed is gone."""


class Timers:
    """Armed timers of every kind."""

    name = "timers"
    # One that is due and was not fired is due still, and its time does not come again.
    due = f"{NOW}, min(at) {AFTER} FROM (SELECT due_at AS at FROM timer WHERE state = 'armed') r"

    def run(self) -> int:
        """Fire what is due."""
        return fire_due()

    def die(self) -> Callable[[], None] | None:
        """Fire what is due and die before the commit."""
        fired = 0
        with contextlib.suppress(Died), worker_scope("timer"):
            fired = fire_due()
            raise Died
        return _nothing if fired else None


class PumpRows:
    """Due rows of one pump. `table` has `next_run_at` and `lease_until`."""

    def __init__(self, loop: asyncio.Runner, pump: Pump, table: str) -> None:
        self.pump = pump
        self.name = pump.name
        self._loop = loop
        # After now it is the second after the next row may be claimed: a worker looks once a second. A lease that ends
        # counts.
        self.due = (
            f"{NOW}, date_trunc('second', min(at) {AFTER}) + interval '1 second'"
            f' FROM (SELECT greatest(next_run_at, lease_until) AS at FROM "{table}"'
            " WHERE next_run_at IS NOT NULL OR lease_until IS NOT NULL) r"
        )

    def run(self) -> int:
        """Claim, act on each row in turn, finish the set."""
        rows = self._claimed()
        if rows:
            self._finish(self._acted(rows))
        return len(rows)

    def die(self) -> Callable[[], None] | None:
        """Claim and act, and never finish: the rows come back with their lease. The results may come late."""
        rows = self._claimed()
        if not rows:
            return None
        results = self._acted(rows)
        return lambda: self._finish(results)

    def _claimed(self) -> Sequence[Row]:
        """In the order of their keys: an UPDATE returns its rows in an order that follows from the plan of the day."""
        return sorted(self.pump.claim(limits.ROWS_AT_ONCE_COUNT), key=itemgetter("id"))

    def _acted(self, rows: Sequence[Row]) -> list[Any]:
        async def each() -> list[Any]:
            return [result for row in rows if (result := await self.pump.act(row)) is not None]

        return _ran(self._loop, each())

    def _finish(self, results: Sequence[Any]) -> None:
        if results:
            self.pump.finish(results)


def due_of(works: Sequence[Work]) -> list[tuple[bool, datetime | None]]:
    """What each of them has to do, in one statement (worker's scope): whether something now, and when the next."""
    asked = " UNION ALL ".join(f"SELECT {n}, w.* FROM ({work.due}) w (now, after)" for n, work in enumerate(works))
    rows = run(f"SELECT now, after FROM ({asked}) a (n, now, after) ORDER BY n")  # nosec
    return [(row["now"], row["after"]) for row in rows]


def _nothing() -> None:
    """What a dead worker does that left nothing behind."""


def _ran(loop: asyncio.Runner, call: Coroutine[Any, Any, T]) -> T:
    """Run to the end with the caller's context: its clock and its chance."""
    return loop.run(call, context=copy_context())
