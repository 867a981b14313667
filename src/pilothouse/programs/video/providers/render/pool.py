"""A small pool of render processes behind pipes.

Plain processes rather than `concurrent.futures`: they depend neither on the parent's main module nor on one event
loop, a crash costs only its own job, a hang is killed at its timeout, and none outlives the parent.
"""

import atexit
import contextlib
import json
import queue
import subprocess  # nosec B404
import sys
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pilothouse.programs.video.providers import limits

RenderState = Literal["absent", "waiting", "failed"]
_COMMAND: Final = (sys.executable, "-P", "-m", "pilothouse.programs.video.providers.render")


@dataclass(frozen=True, slots=True)
class _Job:
    ref: str
    order: Mapping[str, object]


class RenderPool:
    """Runs orders (see `render.__main__`) on at most `processes` children, started when first needed.

    Thread-safe. `state(ref)` is `waiting` from `start` until the child has answered, then `absent` (the file is the
    proof of success) or `failed` with `failure(ref)`, which is told once.
    """

    def __init__(
        self, processes: int = limits.RENDER_PROCESSES_MAX, timeout_s: float = limits.RENDER_TIMEOUT_S
    ) -> None:
        self._processes = processes
        self._timeout_s = timeout_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._failed: dict[str, str] = {}
        self._threads: list[threading.Thread] = []
        self._children: set[subprocess.Popen[str]] = set()
        self._closed = False
        atexit.register(_close_at_exit, weakref.ref(self))

    def start(self, ref: str, order: Mapping[str, object]) -> bool:
        """Queue an order once for each ref; False when the queue is full or the pool is closed."""
        with self._lock:
            if ref in self._waiting:
                return True
            if self._closed or len(self._waiting) >= limits.RENDER_QUEUE_MAX_JOBS:
                return False
            self._waiting.add(ref)
            self._failed.pop(ref, None)
            if len(self._threads) < min(self._processes, len(self._waiting)):
                thread = threading.Thread(target=self._work, name=f"render-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._jobs.put(_Job(ref, order))
            return True

    def state(self, ref: str) -> RenderState:
        """Where the render stands as far as this pool knows."""
        with self._lock:
            return "waiting" if ref in self._waiting else "failed" if ref in self._failed else "absent"

    def failure(self, ref: str) -> str:
        """Why the last render of `ref` failed, told once; empty if it did not."""
        with self._lock:
            return self._failed.pop(ref, "")

    def close(self) -> None:
        """Kill the children and let the threads end. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            children = list(self._children)
        for child in children:
            child.kill()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(timeout=5)

    def _work(self) -> None:
        child: subprocess.Popen[str] | None = None
        while (job := self._jobs.get()) is not None and not self._closed:
            if child is None or child.poll() is not None:
                child = self._spawn()
            failure = self._render(child, job) if child is not None else "The pool is closed."
            with self._lock:
                self._waiting.discard(job.ref)
                if failure:
                    self._failed[job.ref] = failure
                    while len(self._failed) > limits.RENDER_QUEUE_MAX_JOBS:
                        self._failed.pop(next(iter(self._failed)))
        if child is not None:
            self._bury(child)

    def _spawn(self) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._closed:
                return None
            child = subprocess.Popen(  # nosec B603 - our own interpreter and module
                _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            self._children.add(child)
            return child

    def _render(self, child: subprocess.Popen[str], job: _Job) -> str:
        """Empty text when the file is written, else what went wrong; a silent or dead child is buried."""
        alarm = threading.Timer(self._timeout_s, child.kill)
        alarm.daemon = True
        alarm.start()
        try:
            if child.stdin is None or child.stdout is None:
                raise BrokenPipeError
            child.stdin.write(json.dumps(job.order) + "\n")
            child.stdin.flush()
            answer = json.loads(child.stdout.readline())
        except (OSError, ValueError):
            # No whole answer: the child is dead, hung or out of step. The next job gets a new one.
            self._bury(child)
            return "The render process ended without an answer."
        finally:
            alarm.cancel()
        return "" if answer["ok"] else str(answer["detail"])

    def _bury(self, child: subprocess.Popen[str]) -> None:
        child.kill()
        for pipe in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):  # closing writes what is buffered, to a process that is gone
                if pipe is not None:
                    pipe.close()
        child.wait()
        with self._lock:
            self._children.discard(child)


def _close_at_exit(reference: "weakref.ref[RenderPool]") -> None:
    pool = reference()
    if pool is not None:
        pool.close()
