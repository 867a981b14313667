"""What the tree is told about one process."""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pilothouse.site.tree import limits


@dataclass(frozen=True)
class ProcessSpec:
    """One process of the tree.

    It is ready when `ready_url` answers a GET with 2xx or 3xx and `ready`, if given, returns True; with neither, at
    once. `env` is added to the tree's own environment. A `quiet` process writes to its log file only.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready_url: str | None = None
    ready: Callable[[], bool] | None = None
    ready_timeout_s: float = limits.READY_TIMEOUT_S
    stop_grace_s: float = limits.STOP_GRACE_S
    cwd: Path | None = None
    quiet: bool = False

    def is_ready(self) -> bool:
        """Ask once; never raises, because before readiness anything may be wrong."""
        try:
            return (self.ready_url is None or _answers(self.ready_url)) and (self.ready is None or self.ready())
        except Exception:  # the last word is the timeout's, with the process's own last lines
            return False

    def what_ready_means(self) -> str:
        """For the message of a process that did not get there."""
        return f"answer on {self.ready_url}" if self.ready_url else "say that it is ready"


def _answers(url: str) -> bool:
    # Without the environment's proxies: the address is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=limits.READY_ANSWER_TIMEOUT_S) as answer:
            return 200 <= int(answer.status) < 400
    except urllib.error.HTTPError as error:
        error.close()
        return False
