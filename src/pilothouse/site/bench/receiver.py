"""A receiver process of its own: answers POSTs with 200, and counts them between `POST /reset` and `GET /seen`.

Run as a module it prints its port and the port of a dead endpoint, which takes connections and never answers.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

DEAD_BACKLOG_COUNT = 1024


@dataclass
class Seen:
    """How many requests came since the reset, and when the first and the last did (monotonic seconds)."""

    times: list[float] = field(default_factory=list)

    def json(self) -> dict[str, float]:
        """Count, and requests a second between the first and the last."""
        count = len(self.times)
        took = self.times[-1] - self.times[0] if count > 1 else 0.0
        return {"count": count, "rate": (count - 1) / took if took else 0.0}


@contextlib.contextmanager
def receiver() -> Iterator[tuple[int, int]]:
    """Start the process; (port, dead port). It ends with the block."""
    process = subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        live, dead = process.stdout.readline().split()
        yield int(live), int(dead)
    finally:
        process.terminate()
        process.wait()


async def serve() -> None:
    """Answer until the process is ended."""
    from aiohttp import web

    seen = Seen()

    async def take(request: Any) -> Any:
        await request.read()
        seen.times.append(time.monotonic())
        return web.Response()

    async def reset(_: Any) -> Any:
        seen.times.clear()
        return web.Response()

    async def tell(_: Any) -> Any:
        return web.json_response(seen.json())

    app = web.Application()
    app.router.add_post("/hook/{number}", take)
    app.router.add_post("/reset", reset)
    app.router.add_get("/seen", tell)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with socket.create_server(("127.0.0.1", 0), backlog=DEAD_BACKLOG_COUNT) as dead:
        print(runner.addresses[0][1], dead.getsockname()[1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
