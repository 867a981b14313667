"""Who holds a data folder: the lock, and the file through which others find the running tree."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.site.tree import limits

LOCK_FILE = "up.lock"
GUARD_LOCK_FILE = "guard.lock"
UP_FILE = "up.json"


class AlreadyRunning(PilothouseError):
    """Another tree holds the folder."""

    code = "already_running"
    status = 409
    message = "Pilothouse is already running on {folder}{where}."

    def __init__(self, folder: Path, live: Mapping[str, Any]) -> None:
        urls = ", ".join(str(url) for url in live.get("urls", {}).values())
        process = f"process {live['pid']}" if "pid" in live else "it is just starting or stopping"
        super().__init__(folder=str(folder), where=f": {urls} ({process})" if urls else f" ({process})")


def running(data: Path) -> dict[str, Any] | None:
    """What the live tree of this folder says of itself: `pid`, `state`, `urls`; None when no tree is alive.

    `state` is `starting`, `ready` or `stopping`. The dict holds only `state` and `urls` in the instant between taking
    the lock and writing the file. A file that a killed tree left is not believed: the lock decides.
    """
    try:
        descriptor = os.open(data / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(data) or {"state": "starting", "urls": {}}
    finally:
        os.close(descriptor)
    return None


def settled(data: Path, waiting: Callable[[], None] = lambda: None) -> dict[str, Any] | None:
    """As `running`, once no command holds the folder: a command's database ends with it, under whoever had joined.

    `waiting` is called once when that lasts. A tree that ends with its command says `passing`, and is waited for too.
    """
    began, told = time.monotonic(), False
    while (live := running(data)) and ("pid" not in live or live.get("passing")):
        if not told and time.monotonic() - began > limits.LOCK_RETRY_S:
            waiting()
            told = True
        time.sleep(limits.SETTLED_POLL_S)
    return live


@contextlib.contextmanager
def held(data: Path) -> Iterator[None]:
    """Hold the folder for one tree, or for a command that must not meet one; raises AlreadyRunning.

    The lock belongs to this process only: children do not inherit it, so it ends with us however we end.
    """
    descriptor = os.open(data / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + limits.LOCK_RETRY_S
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A look by `running` holds it for an instant; only a tree holds it for longer.
                if time.monotonic() > deadline:
                    raise AlreadyRunning(data, _read(data) or {}) from None
                time.sleep(limits.LOCK_POLL_S)
        (data / UP_FILE).unlink(missing_ok=True)
        yield
        (data / UP_FILE).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def publish(data: Path, state: str, urls: Mapping[str, str], *, passing: bool = False) -> None:
    """Write the file for others in one step."""
    staging = data / f"{UP_FILE}.new"
    told = {"pid": os.getpid(), "state": state, "urls": dict(urls), **({"passing": True} if passing else {})}
    staging.write_text(json.dumps(told) + "\n", encoding="utf-8")
    staging.replace(data / UP_FILE)


def _read(data: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((data / UP_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None
