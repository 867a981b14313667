"""Loopback receivers, and a fixture that drives the pump until nothing is due. Loopback is open in these tests."""

import asyncio
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parent))


@dataclass
class Seen:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A thread with its own event loop that answers POSTs and keeps what it saw.

    `answer(seen)` gives (status, headers, seconds to wait before answering).
    """

    answer: Callable[[Seen], tuple[int, dict[str, str], float]] = lambda seen: (200, {}, 0.0)
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    _loop: Any = None
    _thread: Any = None
    _runner: Any = None

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Self:
        started = threading.Event()

        async def main() -> None:
            app = web.Application()
            app.router.add_post("/{tail:.*}", self._handle)
            self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
            await self._runner.setup()
            site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
            await site.start()
            self.port = self._runner.addresses[0][1]
            started.set()

        def run() -> None:
            self._loop = asyncio.new_event_loop()
            self._loop.run_until_complete(main())
            self._loop.run_forever()
            self._loop.close()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            await self._runner.cleanup()
            waiting = asyncio.all_tasks() - {asyncio.current_task()}
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join(10)

    async def _handle(self, request: web.Request) -> web.Response:
        seen = Seen(request.path, {k.lower(): v for k, v in request.headers.items()}, await request.read())
        self.seen.append(seen)
        status, headers, wait_s = self.answer(seen)
        if wait_s:
            await asyncio.sleep(wait_s)
        return web.Response(status=status, headers=headers, text="thanks")


@pytest.fixture
def receiver() -> type[Receiver]:
    """The class of loopback receivers: `with receiver() as hook: … hook.url() … hook.seen`."""
    return Receiver


@pytest.fixture
def drain(house: Any, settings_local: None) -> Callable[..., int]:
    """Claim, send and finish until nothing is due; returns how many tries were made."""

    from pilothouse.kernel.outbox.sender import WebhookPump

    def run(rounds: int = 50) -> int:
        async def loop() -> int:
            pump, tries = WebhookPump(), 0
            try:
                for _ in range(rounds):
                    rows = await asyncio.to_thread(pump.claim, 100)
                    if not rows:
                        return tries
                    results = await asyncio.gather(*(pump.act(row) for row in rows))
                    await asyncio.to_thread(pump.finish, results)
                    tries += len(rows)
                return tries
            finally:
                await pump.close()

        return asyncio.run(loop())

    return run


@pytest.fixture
def settings_local(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    monkeypatch.setattr(settings, "WEBHOOK_ALLOW_LOCAL", True)


@pytest.fixture
def make_due(house: Any) -> Callable[[], None]:
    """Let the waits and the breakers' pauses pass."""

    def run() -> None:
        with house.connect() as db:
            db.execute("UPDATE delivery SET next_run_at = statement_timestamp() WHERE state IN ('queued', 'waiting')")
            db.execute("UPDATE endpoint SET closed_until = NULL")

    return run
