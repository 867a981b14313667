"""The per-call log: written in batches by a thread of the web process, off the hot path.

A request only puts a tuple into a bounded queue. When the queue is full or the database stays away, calls are lost
from the log and counted; a request never waits for its own log line.
"""

import json
import os
import queue
import threading
import time
from multiprocessing.util import Finalize
from typing import Any

import structlog
from django.db import connections
from prometheus_client import Counter

from pilothouse.kernel.base.scope import WEB_ALIAS
from pilothouse.kernel.base.sql import Statements

from .limits import (
    USAGE_BATCH_MAX_ROWS,
    USAGE_EXIT_FLUSH_S,
    USAGE_FLUSH_INTERVAL_S,
    USAGE_QUEUE_MAX_ROWS,
    USAGE_RETRIES_MAX_COUNT,
)

SQL = Statements(__file__)
LOST = Counter("pilothouse_api_usage_lost", "API calls that the usage log lost", ["why"])
WRITTEN = Counter("pilothouse_api_usage_written", "API calls in the usage log")
log = structlog.get_logger(__name__)
Call = dict[str, Any]


class UsageLog:
    """A queue and the one thread that empties it. The thread starts with the first call, in the process that has it."""

    def __init__(self, size: int = USAGE_QUEUE_MAX_ROWS) -> None:
        self.queue: queue.Queue[Call] = queue.Queue(size)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._stop = threading.Event()
        self._writing = threading.Lock()

    def record(self, call: Call) -> None:
        """Queue one call; never waits and never raises."""
        try:
            self.queue.put_nowait(call)
        except queue.Full:
            LOST.labels("queue_full").inc()
            return
        if self._pid != os.getpid():
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="usage-log", daemon=True)
            self._thread.start()
            # A server's worker process ends without atexit, and runs only these.
            Finalize(None, self.close, exitpriority=100)

    def _run(self) -> None:
        while not self._stop.wait(USAGE_FLUSH_INTERVAL_S):
            self.flush()

    def close(self) -> None:
        """Write what is queued and stop; what cannot be written within a few seconds is counted as lost."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(USAGE_EXIT_FLUSH_S)
        self.flush(deadline=time.monotonic() + USAGE_EXIT_FLUSH_S)
        self._pid = 0

    def flush(self, deadline: float | None = None) -> int:
        """Write everything queued now, in batches; returns how many calls are in the log."""
        written = 0
        with self._writing:
            while batch := self._take():
                if self._write(batch, deadline):
                    written += len(batch)
            connections[WEB_ALIAS].close() if threading.current_thread() is self._thread else None
        return written

    def _take(self) -> list[Call]:
        batch: list[Call] = []
        while len(batch) < USAGE_BATCH_MAX_ROWS:
            try:
                batch.append(self.queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write(self, batch: list[Call], deadline: float | None) -> bool:
        for attempt in range(USAGE_RETRIES_MAX_COUNT):
            try:
                with connections[WEB_ALIAS].cursor() as cursor:
                    cursor.execute(SQL.text("log_api_usage"), {"calls": json.dumps(batch)})
                WRITTEN.inc(len(batch))
                return True
            except Exception as error:
                log.warning("usage_log_not_written", calls=len(batch), attempt=attempt + 1, error=str(error)[:200])
                connections[WEB_ALIAS].close()
                pause = min(USAGE_FLUSH_INTERVAL_S * 2**attempt, USAGE_EXIT_FLUSH_S)
                if deadline is not None and time.monotonic() + pause > deadline:
                    break
                if attempt + 1 < USAGE_RETRIES_MAX_COUNT:
                    time.sleep(pause)
        LOST.labels("database").inc(len(batch))
        return False


USAGE = UsageLog()
