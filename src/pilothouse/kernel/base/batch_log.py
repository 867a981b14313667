"""A log of what happens in a process, written to the database in batches by a thread of its own, off the hot path.

A request only puts an entry into a bounded queue. When the queue is full or the database stays away, entries are lost
and counted; nobody ever waits for their own log line.
"""

import os
import queue
import threading
import time
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Any

import structlog
from django.db import connections
from prometheus_client import Counter

from .limits import (
    LOG_BATCH_MAX_ROWS,
    LOG_EXIT_FLUSH_S,
    LOG_FLUSH_INTERVAL_S,
    LOG_QUEUE_MAX_ROWS,
    LOG_RETRIES_MAX_COUNT,
)
from .scope import WEB_ALIAS

log = structlog.get_logger(__name__)
Entry = dict[str, Any]
# Runs one statement with a batch on the given cursor.
Write = Callable[[Any, list[Entry]], None]


class BatchLog:
    """A queue and the one thread that empties it. The thread starts with the first entry, in the process that has it.

    `lost` counts by why (`queue_full`, `database`), `written` what is in the log.
    """

    def __init__(
        self, name: str, write: Write, lost: Counter, written: Counter, size: int = LOG_QUEUE_MAX_ROWS
    ) -> None:
        self.name = name
        self.lost = lost
        self.written = written
        self.queue: queue.Queue[Entry] = queue.Queue(size)
        self._statement = write
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._stop = threading.Event()
        self._writing = threading.Lock()

    def record(self, entry: Entry) -> None:
        """Queue one entry; never waits and never raises."""
        try:
            self.queue.put_nowait(entry)
        except queue.Full:
            self.lost.labels("queue_full").inc()
            return
        if self._pid != os.getpid():
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name=f"{self.name}-log", daemon=True)
            self._thread.start()
            # A server's worker process ends without atexit, and runs only these.
            Finalize(None, self.close, exitpriority=100)

    def _run(self) -> None:
        while not self._stop.wait(LOG_FLUSH_INTERVAL_S):
            self.flush()

    def close(self) -> None:
        """Write what is queued and stop; what cannot be written within a few seconds is counted as lost."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(LOG_EXIT_FLUSH_S)
        self.flush(deadline=time.monotonic() + LOG_EXIT_FLUSH_S)
        self._pid = 0

    def flush(self, deadline: float | None = None) -> int:
        """Write everything queued now, in batches; returns how many entries are in the log."""
        written = 0
        with self._writing:
            while batch := self._take():
                if self._write(batch, deadline):
                    written += len(batch)
            connections[WEB_ALIAS].close() if threading.current_thread() is self._thread else None
        return written

    def _take(self) -> list[Entry]:
        batch: list[Entry] = []
        while len(batch) < LOG_BATCH_MAX_ROWS:
            try:
                batch.append(self.queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write(self, batch: list[Entry], deadline: float | None) -> bool:
        for attempt in range(LOG_RETRIES_MAX_COUNT):
            try:
                with connections[WEB_ALIAS].cursor() as cursor:
                    self._statement(cursor, batch)
                self.written.inc(len(batch))
                return True
            except Exception as error:
                log.warning(
                    f"{self.name}_log_not_written", entries=len(batch), attempt=attempt + 1, error=str(error)[:200]
                )
                connections[WEB_ALIAS].close()
                pause = min(LOG_FLUSH_INTERVAL_S * 2**attempt, LOG_EXIT_FLUSH_S)
                if deadline is not None and time.monotonic() + pause > deadline:
                    break
                if attempt + 1 < LOG_RETRIES_MAX_COUNT:
                    time.sleep(pause)
        self.lost.labels("database").inc(len(batch))
        return False
