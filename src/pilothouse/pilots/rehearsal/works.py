"""How rows that fall due are worked on in a rehearsal: in this process, one after the other, by the same functions."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from datetime import datetime
from typing import Any, TypeVar

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Row, run
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.work.pump import Pump

from . import limits

T = TypeVar("T")


class Died(Exception):
    """The worker is dead; what it had not committed is gone."""


class Timers:
    """Armed timers of every kind."""

    name = "timers"

    def next_due(self) -> datetime | None:
        """The nearest after now; one that is due and was not fired does not come again."""
        (row,) = run("SELECT min(due_at) AS at FROM timer WHERE state = 'armed' AND due_at > base.clock_now()")
        found: datetime | None = row["at"]
        return found

    def run(self) -> int:
        """Fire what is due."""
        return fire_due()

    def die(self) -> Callable[[], None] | None:
        """Fire what is due and die before the commit."""
        with contextlib.suppress(Died), worker_scope("timer"):
            fire_due()
            raise Died
        return None


class PumpRows:
    """Due rows of one pump. `table` has `next_run_at` and `lease_until`."""

    def __init__(self, pump: Pump, table: str, loop: asyncio.Runner) -> None:
        self.pump = pump
        self.name = pump.name
        self._loop = loop
        self._next = (
            f'SELECT min(at) AS at FROM (SELECT greatest(next_run_at, lease_until) AS at FROM "{table}"'
            " WHERE next_run_at IS NOT NULL OR lease_until IS NOT NULL) r WHERE at > base.clock_now()"
        )

    def next_due(self) -> datetime | None:
        """When the next row may be claimed; a lease that ends is such an instant."""
        (row,) = run(self._next)
        found: datetime | None = row["at"]
        return found

    def run(self) -> int:
        """Claim, act on each row in turn, finish the set."""
        rows = self.pump.claim(limits.ROWS_AT_ONCE_COUNT)
        if rows:
            self._finish(self._acted(rows))
        return len(rows)

    def die(self) -> Callable[[], None] | None:
        """Claim and act, and never finish: the rows come back with their lease. The results may come late."""
        rows = self.pump.claim(limits.ROWS_AT_ONCE_COUNT)
        if not rows:
            return None
        results = self._acted(rows)
        return lambda: self._finish(results)

    def _acted(self, rows: Sequence[Row]) -> list[Any]:
        async def each() -> list[Any]:
            return [result for row in rows if (result := await self.pump.act(row)) is not None]

        return _ran(self._loop, each())

    def _finish(self, results: Sequence[Any]) -> None:
        if results:
            self.pump.finish(results)


def _ran(loop: asyncio.Runner, call: Coroutine[Any, Any, T]) -> T:
    """Run to the end with the caller's context: its clock and its chance."""
    return loop.run(call, context=copy_context())
