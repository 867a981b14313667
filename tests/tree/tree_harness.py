"""Starts small trees as programs, and proves that nothing of them is left."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from pilothouse.kernel.base.postgres_install import folder_name
from pilothouse.site.tree import running

HOUSE = str(Path(__file__).with_name("house.py"))


def leftovers(data: Path) -> list[str]:
    """Every process, zombies aside, whose command line or environment carries the data folder or its short name."""
    marks = (str(data), folder_name(data))
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
            command = " ".join(process.cmdline())
            text = " ".join([command, *(f"{name}={value}" for name, value in process.environ().items())])
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(mark in text for mark in marks):
            found.append(f"{process.pid} {command}")
    return found


def until(what: Callable[[], object], timeout_s: float = 20.0) -> bool:
    """Wait until `what` is true."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.02)
    return False


class House:
    """One data folder, in a path with a space, and the tree that runs on it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.python = sys.executable
        self.wrapper: list[str] = []
        self.user: str | None = None
        self.env = dict(os.environ)
        self.process: subprocess.Popen[str] | None = None
        self.pids: dict[str, int] = {}

    def argv(self, *options: str) -> list[str]:
        """Command line of a tree on this folder."""
        return [*self.wrapper, self.python, HOUSE, str(self.data), str(self.port), *options]

    def start(self, *options: str) -> "House":
        """Start the tree without waiting for it."""
        self.process = subprocess.Popen(
            self.argv(*options),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            user=self.user,
            extra_groups=None if self.user is None else [],
            env=self.env,
            cwd="/",
        )
        return self

    def up(self, *options: str) -> "House":
        """Start the tree and wait until it is ready."""
        self.start(*options)
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.end()
        self.pids = json.loads(line)
        time.sleep(0.1)  # the line is printed inside `on_ready`; a signal before its return would count as too early
        return self

    def send(self, number: int) -> None:
        """Signal the supervisor."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, timeout_s: float = 30.0) -> tuple[int, str]:
        """Wait for the supervisor; exit code and what it printed on standard error."""
        assert self.process is not None
        _, errors = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, errors

    def is_empty(self) -> bool:
        """Nothing is left running."""
        return not leftovers(self.data)

    def starts_clean(self, *options: str) -> None:
        """A next start on the folder comes up and ends by itself."""
        code, errors = House.end(self.start("--code", "0", *options))
        assert code == 0, errors
        assert leftovers(self.data) == []
        assert running(self.data) is None
