"""The worker process: every room's pumps, the timers, the periodic tasks and a heartbeat, in one event loop."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from pilothouse.kernel.base import heap
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.lifecycle.timers import fire_due

from .jobs import JobPump, forget_old, take_turn
from .limits import BLOCKING_THREADS_COUNT, HEARTBEAT_EVERY_S
from .pump import Database, Periodic, Pump, Runner, forever

SQL = Statements(__file__)
FORGET_EVERY_S = 3600
log = structlog.get_logger(__name__)


def worker_name() -> str:
    """This process's name among all workers."""
    return f"{socket.gethostname()}:{os.getpid()}"


def beat(stop: bool = False) -> None:
    """Say that this worker lives, or that it stops."""
    with worker_scope("worker"):
        SQL.execute("beat", name=worker_name(), stop=stop)


class WorkerProcess:
    """Runs until SIGTERM or SIGINT; then claims no more, finishes what is in work and releases the rest."""

    def __init__(self, pumps: Sequence[Pump], periodic: Sequence[Periodic]) -> None:
        self.database = Database()
        self.runners = [Runner(pump, self.database) for pump in (*pumps, JobPump())]
        self.periodic = [*periodic, Periodic("forget_old_jobs", FORGET_EVERY_S, forget_old)]
        self.stopping = asyncio.Event()

    async def run(self, on_stop: Callable[[], None] | None = None) -> None:
        """Run everything; returns after a clean stop."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(BLOCKING_THREADS_COUNT, thread_name_prefix="blocking"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        done = self.stopping.is_set
        background = [
            asyncio.create_task(forever("heartbeat", self._beat, done)),
            asyncio.create_task(forever("timers", self._fire_timers, done)),
            *(asyncio.create_task(forever(task.name, self._turn(task), done)) for task in self.periodic),
        ]
        heap.settle()
        log.info("worker_started", name=worker_name(), pumps=[runner.pump.name for runner in self.runners])
        await asyncio.gather(*(runner.run() for runner in self.runners))
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await self.database.run(beat, True)
        self.database.close()
        if on_stop:
            on_stop()
        log.info("worker_stopped", name=worker_name())

    def stop(self) -> None:
        """Begin a clean stop."""
        self.stopping.set()
        for runner in self.runners:
            runner.stop()

    async def _beat(self) -> float:
        await self.database.run(beat)
        return HEARTBEAT_EVERY_S

    async def _fire_timers(self) -> float:
        fired = await self.database.run(fire_due)
        # A set may be short because another worker took the rest of it: only when nothing was left is there rest.
        return 0.0 if fired else -1.0

    def _turn(self, task: Periodic) -> Callable[[], asyncio.Future[float]]:
        async def step() -> float:
            if await self.database.run(take_turn, task.name, task.every_s):
                await self.database.run(task.run)
            return min(task.every_s, 5.0)

        return step  # type: ignore[return-value]
