"""Due rows: the one mechanism for all that is hot, timed or carries money.

The row is the truth. A pump claims a set in one statement, acts on each row with asyncio, and finishes what is ready
in one statement, with money and timeline. A dead worker's rows come back when their lease ends; a late finisher's
token is stale and changes no row.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from pilothouse.kernel.base import machine

from .limits import (
    CANCEL_GRACE_S,
    CLAIM_CHUNK_ROWS,
    CRASH_BACKOFF_MAX_S,
    DATABASE_THREADS_COUNT,
    IDLE_MAX_S,
    IDLE_MIN_S,
    LEASE_S,
    LINGER_S,
    RENEW_EVERY_S,
    STOP_GRACE_S,
)

log = structlog.get_logger(__name__)
T = TypeVar("T")
Row = dict[str, Any]


class Pump(Protocol):
    """What a room gives the worker. `claim`, `renew` and `finish` are one transaction each and run in a thread."""

    name: str
    concurrency: int

    def claim(self, limit: int) -> list[Row]:
        """Lease up to `limit` due rows; each row has at least `id` and `token`."""
        ...

    async def act(self, row: Row) -> Any:
        """Do the work of one row; what is returned is given to `finish`. Must not raise for an expected failure."""
        ...

    def finish(self, results: Sequence[Any]) -> None:
        """Write a set of results; a row whose token is stale is left alone."""
        ...

    def renew(self, rows: Sequence[Row]) -> None:
        """Prolong the leases of rows still in work."""
        ...


@dataclass(frozen=True, slots=True)
class Periodic:
    """Something that every worker offers to do every `every_s` seconds; the function decides whether it is its turn."""

    name: str
    every_s: float
    run: Callable[[], Any]


@dataclass
class Database:
    """The threads on which blocking database calls run, so that the event loop never waits for one."""

    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(DATABASE_THREADS_COUNT, thread_name_prefix="database")
    )

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """Run a blocking call on a thread, with the caller's context variables."""
        context = copy_context()
        return await asyncio.get_running_loop().run_in_executor(self.pool, lambda: context.run(call, *args))

    def close(self) -> None:
        """Wait for the running calls and end the threads."""
        self.pool.shutdown(wait=True, cancel_futures=True)


class Runner:
    """Drives one pump until it is told to stop."""

    def __init__(self, pump: Pump, database: Database) -> None:
        self.pump = pump
        self.database = database
        # By id and token: a row whose lease ran out can be claimed again while its first step still lingers.
        self.in_work: dict[tuple[int, int], Row] = {}
        self.renew_every_s = min(RENEW_EVERY_S, getattr(pump, "lease_s", LEASE_S) / 3)
        self.tasks: set[asyncio.Task[None]] = set()
        self.ready: asyncio.Queue[Any] = asyncio.Queue()
        self.stopping = asyncio.Event()
        self.freed = asyncio.Event()

    async def run(self) -> None:
        """Claim, act and finish until `stop`; then finish what is in work, within the grace."""
        finisher = asyncio.create_task(forever(f"{self.pump.name} finish", self._finish_chunk, self._drained))
        renewer = asyncio.create_task(forever(f"{self.pump.name} renew", self._renew, self.stopping.is_set))
        await forever(f"{self.pump.name} claim", self._claim_chunk, self.stopping.is_set)
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=STOP_GRACE_S)
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=CANCEL_GRACE_S)
        await self.ready.put(None)
        await finisher
        renewer.cancel()
        await self._give_back()
        # A pump that keeps connections open closes them here, on the loop that they belong to.
        close = getattr(self.pump, "close", None)
        if close is not None:
            await close()

    def stop(self) -> None:
        """Claim no more."""
        self.stopping.set()
        self.freed.set()

    async def _claim_chunk(self) -> float:
        free = self.pump.concurrency - len(self.in_work)
        if free <= 0:
            self.freed.clear()
            await self.freed.wait()
            return 0.0
        rows = await self.database.run(self.pump.claim, min(free, CLAIM_CHUNK_ROWS))
        for row in rows:
            self.in_work[_key(row)] = row
            task = asyncio.create_task(self._act(row))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return 0.0 if rows else -1.0

    async def _act(self, row: Row) -> None:
        try:
            result = await self.pump.act(row)
            if result is not None:
                await self.ready.put((_key(row), result))
                return
        except asyncio.CancelledError:
            raise
        except Exception:
            # The lease ends and the row comes back; a defect in `act` never loses it.
            log.exception("act_failed", pump=self.pump.name, row=row["id"])
        self._release(_key(row))

    async def _finish_chunk(self) -> float:
        first = await self.ready.get()
        results = [] if first is None else [first]
        until = time.monotonic() + LINGER_S
        while len(results) < CLAIM_CHUNK_ROWS:
            try:
                more = await asyncio.wait_for(self.ready.get(), max(0.0, until - time.monotonic()))
            except TimeoutError:
                break
            if more is not None:
                results.append(more)
        if results:
            try:
                await self.database.run(self.pump.finish, [result for _, result in results])
            finally:
                for key, _ in results:
                    self._release(key)
        return 0.0

    def _release(self, key: tuple[int, int]) -> None:
        self.in_work.pop(key, None)
        self.freed.set()

    def _drained(self) -> bool:
        return self.stopping.is_set() and not self.tasks and self.ready.empty()

    async def _give_back(self) -> None:
        """Let go of what did not end in the grace, so that the next worker need not wait for the leases."""
        release = getattr(self.pump, "release", None)
        rows = list(self.in_work.values())
        if release is None or not rows:
            return
        try:
            await self.database.run(release, rows)
        except Exception:
            log.exception("release_failed", pump=self.pump.name, rows=len(rows))

    async def _renew(self) -> float:
        await asyncio.sleep(self.renew_every_s)
        rows = list(self.in_work.values())
        if rows:
            await self.database.run(self.pump.renew, rows)
        return 0.0


def _key(row: Row) -> tuple[int, int]:
    return (row["id"], row["token"])


async def forever(name: str, step: Callable[[], Awaitable[float]], done: Callable[[], bool]) -> None:
    """Repeat a step until `done`. A step returns seconds to wait, or a negative number when it found nothing to do.

    Idle waits grow to a second; after an error (a restarted database is an ordinary day) the wait grows to half a
    minute, and the step is tried again.
    """
    idle = IDLE_MIN_S
    failures = 0
    while not done():
        try:
            wait = await step()
            failures = 0
        except asyncio.CancelledError:
            raise
        except Exception:
            failures += 1
            log.exception("step_failed", step=name, failures=failures)
            await _sleep(min(CRASH_BACKOFF_MAX_S, 2**failures * 0.25) * machine.uniform(0.5, 1.0), done)
            continue
        if wait < 0:
            await _sleep(idle, done)
            idle = min(IDLE_MAX_S, idle * 1.5)
        else:
            idle = IDLE_MIN_S
            if wait:
                await _sleep(wait, done)


async def _sleep(seconds: float, done: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not done() and (left := until - time.monotonic()) > 0:  # noqa: ASYNC110  (`done` is asked, it does not tell)
        await asyncio.sleep(min(0.1, left))
