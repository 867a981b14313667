"""`bench api`: what one `POST /v1/batches` of 50 items costs the web process, against a bare FastAPI app.

The figure is CPU time of the server's process and its children per request: how fast a busy machine answers says
little, what an answer costs does. Ours is the web process as production runs it, with every middleware, the key's
rate limit, the gate, idempotency, fingerprints and the usage log. The database's own time is the same for both.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import limits
from .errors import BenchUnavailable
from .rounds import interleaved
from .table import row
from .world import ACTOR, World

HOLD, AIM = 1.5, 1.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def require() -> None:
    """Raise BenchUnavailable when the peer is not installed or CPU time cannot be read."""
    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise BenchUnavailable(name="api", reason=f"{package} is missing; install pilothouse[dev].")
    if not Path("/proc/self/stat").is_file():
        raise BenchUnavailable(name="api", reason="it reads CPU time from /proc, which only Linux has.")


class Server:
    """A server process, its address and the CPU time that it and its children have used."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str) -> None:
        self.process = process
        self.url = url

    def cpu_s(self) -> float:
        """Seconds of user and system time so far, of all its processes."""
        return sum(_cpu_s(pid) for pid in _family(self.process.pid))


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _family(int(child))
    return found


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


@contextmanager
def server(command: list[str], port: int, env: dict[str, str], path: str) -> Iterator[Server]:
    """Start a server and wait until `path` answers below 500; it ends with the block."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        asyncio.run(_wait(f"{url}{path}", process))
        yield Server(process, url)
    finally:
        process.terminate()
        process.wait()


async def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    import aiohttp

    until = time.monotonic() + limits.SERVER_START_TIMEOUT_S
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < until and process.poll() is None:
            try:
                async with session.get(url) as reply:
                    if reply.status < 500:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise BenchUnavailable(name="api", reason=f"{url} did not answer.")


class Client:
    """Posts batches of one tenant to one server."""

    def __init__(self, name: str, target: Server, key: str) -> None:
        self.name, self.target, self.key, self.made = name, target, key, 0

    def run(self) -> dict[str, float]:
        """Milliseconds of CPU per request."""
        before = self.target.cpu_s()
        asyncio.run(self._post_all())
        return {self.name: (self.target.cpu_s() - before) / limits.REQUESTS_PER_ROUND_COUNT * 1000}

    async def _post_all(self) -> None:
        import aiohttp

        slots = asyncio.Semaphore(limits.API_CONCURRENCY)
        headers = {"Authorization": f"Bearer {self.key}"}
        async with aiohttp.ClientSession(headers=headers) as session:

            async def post(number: int) -> None:
                body = {
                    "request_id": f"api-{number}",
                    "items": [
                        {"params": {"prompt": f"a mug on a table {n}", "seconds": 4}, "metadata": {"sku": f"A-{n}"}}
                        for n in range(limits.API_BATCH_ITEMS_COUNT)
                    ],
                }
                async with slots, session.post(f"{self.target.url}/v1/batches", json=body) as reply:
                    text = await reply.text()
                    assert reply.status == 201, f"{reply.status}: {text}"

            first, self.made = self.made, self.made + limits.REQUESTS_PER_ROUND_COUNT
            await asyncio.gather(*(post(n) for n in range(first, self.made)))


def _key(tenant: int) -> str:
    from pilothouse.kernel.access.commands import issue_key
    from pilothouse.kernel.access.limits import RATE_LIMIT_MAX_PER_MIN
    from pilothouse.kernel.base.scope import tenant_scope

    with tenant_scope(tenant, ACTOR):
        return issue_key(tenant, "bench", "live", rate_limit_per_min=RATE_LIMIT_MAX_PER_MIN)[1]


def bench(world: World, rounds: int, say: Callable[[str], Any]) -> dict[str, Any]:
    """Run it: milliseconds of CPU per request of both, and their ratio."""
    from pilothouse.site.house import BIND_DEFAULT, WEB_THREADS_COUNT, free_port, granian

    our_port, bare_port = (free_port(BIND_DEFAULT, 0, True) for _ in range(2))
    our_command = granian(
        "wsgi", "pilothouse.site.wsgi:application", BIND_DEFAULT, our_port,
        "--blocking-threads", str(WEB_THREADS_COUNT),
    )  # fmt: skip
    bare_command = [
        sys.executable, "-m", "uvicorn", "--host", BIND_DEFAULT, "--port", str(bare_port), "--log-level", "warning",
        "--no-access-log", f"{__package__}.bare_api:app",
    ]  # fmt: skip
    our_env = {**world.env, "PROCESS_NAME": "web", "SITE_URL": f"http://{BIND_DEFAULT}:{our_port}"}
    bare_env = {**world.env, "BARE_DATABASE_URL": world.url("ph_web")}
    with (
        server(our_command, our_port, our_env, "/healthz") as our_server,
        server(bare_command, bare_port, bare_env, "/openapi.json") as bare_server,
    ):
        ours = Client("ours", our_server, _key(world.tenants[-1]))
        bare = Client("bare", bare_server, _key(world.tenants[-2]))
        found = interleaved([ours.run, bare.run], rounds, say)
    ratio = found.ratio("ours", "bare")
    return {
        "cpu_ms": round(found.spread("ours").median, 2),
        "bare_cpu_ms": round(found.spread("bare").median, 2),
        "ratio_to_bare": ratio.json(),
        "rounds": rounds,
        "requests_per_round": limits.REQUESTS_PER_ROUND_COUNT,
        "items": limits.API_BATCH_ITEMS_COUNT,
        "spread": {"cpu_ms": found.spread("ours").json(2), "bare_cpu_ms": found.spread("bare").json(2)},
        "table": [row("POST /v1/batches, CPU ÷ bare FastAPI", ratio, HOLD, AIM, less=True)],
    }
