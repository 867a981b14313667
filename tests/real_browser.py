"""Chromium for the tests: a page that hangs costs its own test, and no other.

Playwright waits in an event loop of this thread. A test's time limit is a signal, which would break into that loop and
leave it broken for every later test of the process. So what is done in a browser has a shorter limit of its own: a
thread that kills the browser, and Playwright's driver should that not help. The waiting call then ends with an error
like any other, and the next test is given a new browser.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Playwright, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
LAUNCH_PATIENCE_MS = 120_000
# With the closing less than pytest's limit for one test, which is a signal.
TEST_PATIENCE_S = 240.0
CLOSE_PATIENCE_S = 20.0
KILL_PATIENCE_S = 10.0


class Chromium:
    """One browser for many tests, replaced when it was lost. A context manager: at the end nothing is left running."""

    def __init__(self) -> None:
        if not CHROMIUM.exists():
            pytest.skip("no chromium on this machine")
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._driver: psutil.Process | None = None
        self._lost = False

    def __enter__(self) -> "Chromium":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def browser(self) -> Browser:
        """The running browser, or a new one."""
        if self._browser is not None and (self._lost or not self._browser.is_connected()):
            self.stop()
        if self._browser is None:
            before = set(psutil.Process().children())
            self._playwright = sync_playwright().start()
            (self._driver,) = [child for child in psutil.Process().children() if child not in before]
            self._browser = self._playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=FLAGS, timeout=LAUNCH_PATIENCE_MS
            )
            self._lost = False
        return self._browser

    def stop(self) -> None:
        """End the browser and its driver."""
        if self._playwright is None:
            return
        with contextlib.suppress(Error), self.within(CLOSE_PATIENCE_S):
            if self._browser is not None and not self._lost:
                self._browser.close()
        with contextlib.suppress(Error), self.within(CLOSE_PATIENCE_S):
            self._playwright.stop()
        self._playwright = self._browser = None

    def close(self, contexts: Iterable[BrowserContext]) -> None:
        """Close what a test opened. It proves nothing: a browser that does not do it in time is replaced.

        Chromium forgets the close of a page whose next document is on its way, and Playwright then waits for ever: each
        page is brought to rest first.
        """
        with contextlib.suppress(Error), self.within(CLOSE_PATIENCE_S):
            for context in contexts:
                for page in context.pages:
                    with contextlib.suppress(Error):
                        page.goto("about:blank")
                context.close()

    @contextlib.contextmanager
    def within(self, patience_s: float) -> Iterator[None]:
        """Raises Playwright's `Error` in what waits for the browser longer than that, by killing the browser."""
        done = threading.Event()

        def watch() -> None:
            for wait_s, kill in ((patience_s, self._kill_browser), (KILL_PATIENCE_S, self._kill_driver)):
                if done.wait(wait_s):
                    return
                self._lost = True
                sys.stderr.write(f"The browser of process {os.getpid()} hangs and is killed.\n")
                kill()

        watcher = threading.Thread(target=watch, name="browser-watch", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _kill_browser(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in self._driver.children(recursive=True) if self._driver else []:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()

    def _kill_driver(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._driver is not None:
                self._driver.kill()
