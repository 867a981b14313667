"""The supervisor: starts the database and the given processes, watches them, and leaves nothing behind.

How it can end, and what ends the rest:

| what happens | who acts |
|---|---|
| Ctrl-C, SIGTERM, SIGHUP, `on_ready` returns a code | the supervisor: database last; Ctrl-C again hurries |
| a child dies | the supervisor, after printing the child's last lines; exit code 1 |
| kill -9 of the supervisor | the guard, and on Linux the kernel through the parent-death signal |
| kill -9 of the guard | the supervisor starts another |
| kill -9 of both | the kernel on Linux; the next start clears what is left |

A next start waits for the guard of the last run to finish. Standard library only.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.leash import Group, Guard, end_groups, end_marked, spawn
from pilothouse.kernel.base.postgres import EmbeddedPostgres, make_data_folder
from pilothouse.kernel.base.postgres_install import folder_name
from pilothouse.site.tree import folder, limits
from pilothouse.site.tree.orphans import reap_orphans
from pilothouse.site.tree.output import Console, Output
from pilothouse.site.tree.spec import ProcessSpec

T = TypeVar("T")
DATABASE_PROCESS = "postgres"
MARK_NAME = "PILOTHOUSE_TREE"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ProcessDied(PilothouseError):
    """A process of the tree ended by itself."""

    code = "process_died"
    status = 500
    message = "{name} {how}; the tree is ended with it."


class FolderUnusable(PilothouseError):
    """The data folder may not be written."""

    code = "folder_unusable"
    status = 409
    message = "The data folder {folder} cannot be used: {reason}."


class LastRunEnding(PilothouseError):
    """What an earlier tree left on the folder does not end."""

    code = "last_run_ending"
    status = 409
    message = "{reason}"


class ProcessNotReady(PilothouseError):
    """A process did not become ready in time."""

    code = "process_not_ready"
    status = 500
    message = "{name} did not {what} within {seconds:.0f} s; the tree is ended."


class _Interrupted(Exception):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


@dataclass
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    output: Output
    group: Group


class Tree:
    """The processes of one data folder.

    `database` is None when the database is somebody else's server. `prepare` runs between the database's readiness
    and the start of the processes (migrate, demo world). `urls` are published to `running` and named when a second
    tree is refused. `passing` says that it ends by itself, so that nobody joins it. `console=None` writes to the log
    files only; errors always reach standard error.
    """

    def __init__(
        self,
        data: Path,
        processes: Sequence[ProcessSpec],
        *,
        database: EmbeddedPostgres | None = None,
        urls: Mapping[str, str] | None = None,
        prepare: Callable[["Tree"], None] | None = None,
        console: TextIO | None = sys.stderr,
        passing: bool = False,
    ) -> None:
        self.data = data.resolve()
        self.passing = passing
        self.processes = list(processes)
        self.database = database
        self.urls = dict(urls or {})
        self._prepare = prepare
        self._console = Console(console)
        self._errors = self._console if console is not None else Console(sys.stderr)
        self._children: list[_Child] = []
        self._received: list[tuple[float, int]] = []
        self._staying = self._stopping = False
        self._wake, self._waker = -1, -1
        self._mark = f"{MARK_NAME}={folder_name(self.data)}"
        env = {**os.environ, "DATA": str(self.data)}
        self._guard = Guard(lock=self.data / folder.GUARD_LOCK_FILE, mark=self._mark, env=env)

    def run(self, on_ready: Callable[["Tree"], int | None]) -> int:
        """Start everything, call `on_ready` in a thread, stay until the end, stop everything, return the exit code.

        An int from `on_ready` ends the tree with that code; None keeps it up until a signal (then 0). A signal before
        that gives 128 + its number. A dead or never-ready process, a folder in use and whatever else `prepare` and
        `on_ready` raise is raised here, when everything is stopped. Call it from the main thread.
        """
        try:
            make_data_folder(self.data)
            # Signals first: who sees the folder held may send one at once.
            with self._signals(), folder.held(self.data):
                return self._run(on_ready)
        except PermissionError as error:
            raise FolderUnusable(folder=self.data, reason=error.strerror) from None

    def pids(self) -> dict[str, int]:
        """Process id of each child by name, the guard's included."""
        return {child.name: child.process.pid for child in self._children} | {"guard": self._guard.pid}

    def say(self, text: str) -> None:
        """Print one line of the tree's own."""
        self._console.line("up", text)

    def _run(self, on_ready: Callable[["Tree"], int | None]) -> int:
        try:
            folder.publish(self.data, "starting", self.urls, passing=self.passing)
            self._await(self._start_guard)
            # Whoever has our mark now is left of a run that was killed together with its guard.
            end_marked(self._mark)
            self._start_database()
            if self._prepare is not None:
                prepare = self._prepare
                self._await(lambda: prepare(self))
            for spec in self.processes:
                self._start(spec)
            self._await(self._wait_ready)
            folder.publish(self.data, "ready", self.urls, passing=self.passing)
            code = self._await(lambda: on_ready(self))
            if code is not None:
                return code
            self._staying = True
            while True:
                self._tick(limits.IDLE_POLL_S)
        except _Interrupted as interrupted:
            return 0 if self._staying else limits.EXIT_SIGNAL_BASE + interrupted.number
        finally:
            self._stop()

    # -- starting ----------------------------------------------------------------------------------------------------

    def _start_guard(self) -> None:
        try:
            self._guard.start()
        except TimeoutError as error:
            raise LastRunEnding(reason=error) from None

    def _start_database(self) -> None:
        database = self.database
        if database is None:
            return
        self._await(database.prepare)
        # The server must be a child of this thread: the parent-death signal is tied to it.
        process = database.start(stdout=subprocess.PIPE, guard=self._guard)
        self._adopt(DATABASE_PROCESS, process, database.group(), console=None)
        self._await(database.wait_ready)

    def _start(self, spec: ProcessSpec) -> None:
        env = {**os.environ, "PYTHONUNBUFFERED": "1", "DATA": str(self.data), **spec.env}
        env[MARK_NAME] = folder_name(self.data)
        process = spawn(spec.argv, env=env, cwd=spec.cwd or Path.cwd(), stdout=subprocess.PIPE)
        plan = ((signal.SIGTERM, spec.stop_grace_s), (signal.SIGKILL, limits.KILL_GRACE_S))
        group = Group(process.pid, plan)
        self._guard.watch(group)
        self._adopt(spec.name, process, group, console=None if spec.quiet else self._console)

    def _adopt(self, name: str, process: subprocess.Popen[bytes], group: Group, console: Console | None) -> None:
        assert process.stdout is not None
        output = Output(name, process.stdout, self.data / "logs" / f"{name}.log", console)
        self._children.append(_Child(name, process, output, group))

    def _wait_ready(self) -> None:
        start = time.monotonic()
        for spec in self.processes:
            while not spec.is_ready():
                if self._stopping:
                    return
                if time.monotonic() - start > spec.ready_timeout_s:
                    self._print_last_lines(next(child for child in self._children if child.name == spec.name))
                    raise ProcessNotReady(name=spec.name, what=spec.what_ready_means(), seconds=spec.ready_timeout_s)
                time.sleep(limits.READY_POLL_S)

    # -- watching ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Collect signals and child deaths; each wakes the loop through a socket."""
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        self._wake, self._waker = reader.fileno(), writer.fileno()
        before = {number: signal.signal(number, self._on_signal) for number in (*SIGNALS, signal.SIGCHLD)}
        wakeup = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._wake = self._waker = -1
            reader.close()
            writer.close()

    def _on_signal(self, number: int, _frame: object) -> None:
        if number != signal.SIGCHLD:
            self._received.append((time.monotonic(), number))

    def _await(self, job: Callable[[], T]) -> T:
        """Run `job` in a thread while this thread watches; its exception is raised here."""
        results: list[T] = []
        failures: list[BaseException] = []

        def work() -> None:
            try:
                results.append(job())
            except BaseException as error:
                failures.append(error)
            with contextlib.suppress(OSError):
                os.write(self._waker, b"\0")

        thread = threading.Thread(target=work, name="tree step", daemon=True)
        thread.start()
        while thread.is_alive() and not (results or failures):
            self._tick(limits.IDLE_POLL_S)
        if failures:
            raise failures[0]
        return results[0]

    def _tick(self, timeout_s: float) -> None:
        """Sleep until something happens; raises _Interrupted for a signal and ProcessDied for a dead child."""
        select.select([self._wake], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake, 4096):
                pass
        if self._received:
            raise _Interrupted(self._received[0][1])
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                self._print_last_lines(child)
                raise ProcessDied(name=child.name, how=_how(code))
        if self.database is not None and self.database.is_stopping():
            # It lets nobody in any more, and waits for our own connections before it ends: the house is down.
            raise ProcessDied(name=DATABASE_PROCESS, how="was told to shut down")
        self._guard.renew()
        reap_orphans()

    def _print_last_lines(self, child: _Child) -> None:
        lines = child.output.last_lines()
        if lines:
            self._errors.line("up", f"The last lines of {child.name}:")
        for line in lines:
            self._errors.line(child.name, line)

    # -- stopping ----------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """End what runs, reaping meanwhile; the guard is let go last, with nothing left to end."""
        self._stopping = True
        if self._children:
            folder.publish(self.data, "stopping", self.urls, passing=self.passing)
        left = end_groups([child.group for child in self._children], self._reap_and_hurry)
        for leader in left:
            self._errors.line("up", f"Process {leader} could not be ended.")
        for child in self._children:
            if child.group.leader not in left:
                self._guard.forget(child.group.leader)
        if self.database is not None:
            self.database.stop()
        if self._children:
            end_marked(self._mark)
        self._guard.close()

    def _reap_and_hurry(self) -> bool:
        for child in self._children:
            child.process.poll()
        first = self._received[0][0] if self._received else 0.0
        return any(number in SIGNALS[:2] and at - first > limits.SAME_PRESS_S for at, number in self._received)


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"
