"""`bench webhooks`: deliveries a second from one worker to ten endpoints of which one is dead.

Ours is the worker's own `Runner` with `WebhookPump`: claim, sign, send over real HTTP, record the attempt. It runs from
the first round to the last, so that its breaker knows the dead endpoint as a worker's does. The limit is a bare aiohttp
loop that posts the same bodies to the nine that answer, without a database and without signatures. Both rates are
taken where the requests arrive, between the first and the last of a round.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import limits
from .receiver import receiver
from .rounds import interleaved
from .table import row
from .world import ACTOR, World

HOLD_PER_S, AIM_PER_S = 300.0, 1_000.0
BODY = (
    b'{"event":"batch.completed","batch_id":"bat_01k9zzzzzzzzzzzzzzzzzzzzzz","request_id":"order-%d",'
    b'"summary":{"total":10,"succeeded":9,"failed":1},"ledger":{"reserved":100,"settled":90,"refunded":10},'
    b'"timestamp":"2026-01-24T10:00:00Z"}'
)


@contextmanager
def worker() -> Iterator[None]:
    """One worker's webhook pump on a thread, until the block ends."""
    from pilothouse.kernel.outbox.sender import WebhookPump
    from pilothouse.kernel.work.pump import Database, Runner

    started, made = threading.Event(), []

    async def main() -> None:
        database = Database()
        pump = WebhookPump()
        runner = Runner(pump, database)
        made.append((asyncio.get_running_loop(), runner))
        started.set()
        try:
            await runner.run()
        finally:
            await pump.close()
            database.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    started.wait()
    ((loop, runner),) = made
    try:
        yield
    finally:
        loop.call_soon_threadsafe(runner.stop)
        thread.join()


class OurWebhooks:
    """Messages enqueued in one transaction, delivered by the worker."""

    def __init__(self, world: World, url: str, dead: str) -> None:
        from pilothouse.kernel.base.scope import tenant_scope
        from pilothouse.kernel.outbox.endpoints import create_endpoint

        self.tenant, self.url, self.made = world.tenants[0], url, 0
        with tenant_scope(self.tenant, ACTOR):
            for number in range(limits.ENDPOINTS_LIVE_COUNT):
                create_endpoint(f"{url}/hook/{number}")
            create_endpoint(f"{dead}/hook")

    def run(self) -> dict[str, float]:
        """Deliveries a second to the endpoints that answer."""
        from pilothouse.kernel.base.scope import tenant_scope
        from pilothouse.kernel.outbox.commands import NewMessage, enqueue

        first, self.made = self.made, self.made + limits.MESSAGES_PER_ROUND_COUNT
        with tenant_scope(self.tenant, ACTOR):
            enqueue([NewMessage(self.tenant, "bench", "batch", n, BODY % n) for n in range(first + 1, self.made + 1)])
        return {"ours": asyncio.run(_arrived(self.url))}


class BareWebhooks:
    """The limit: the same bodies from an aiohttp loop."""

    def __init__(self, url: str) -> None:
        self.url = url

    def run(self) -> dict[str, float]:
        """Requests a second."""
        return {"bare": asyncio.run(self._send())}

    async def _send(self) -> float:
        import aiohttp

        slots = asyncio.Semaphore(limits.BARE_IN_FLIGHT_COUNT)
        connector = aiohttp.TCPConnector(limit=limits.BARE_IN_FLIGHT_COUNT)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def post(number: int, endpoint: int) -> None:
                async with slots, session.post(f"{self.url}/hook/{endpoint}", data=BODY % number) as reply:
                    await reply.read()

            await asyncio.gather(
                *(
                    post(number, endpoint)
                    for number in range(limits.MESSAGES_PER_ROUND_COUNT)
                    for endpoint in range(limits.ENDPOINTS_LIVE_COUNT)
                )
            )
        return await _arrived(self.url)


async def _arrived(url: str) -> float:
    """Wait until the round's requests are there; their rate. The count begins anew."""
    import aiohttp

    wanted = limits.MESSAGES_PER_ROUND_COUNT * limits.ENDPOINTS_LIVE_COUNT
    async with aiohttp.ClientSession() as session, asyncio.timeout(limits.ROUND_TIMEOUT_S):
        while True:
            async with session.get(f"{url}/seen") as reply:
                seen = await reply.json()
            if seen["count"] >= wanted:
                break
            await asyncio.sleep(0.1)
        async with session.post(f"{url}/reset") as reply:
            await reply.read()
    assert seen["count"] == wanted, f"{seen['count']} requests came, not {wanted}"
    return float(seen["rate"])


def bench(world: World, rounds: int, say: Callable[[str], Any]) -> dict[str, Any]:
    """Run it: our rate, the bare rate, and the share of it."""
    with receiver() as (port, dead):
        url = f"http://127.0.0.1:{port}"
        ours, bare = OurWebhooks(world, url, f"http://127.0.0.1:{dead}"), BareWebhooks(url)
        with worker():
            found = interleaved([ours.run, bare.run], rounds, say)
    rate = found.spread("ours")
    return {
        "rate": round(rate.median),
        "bare_rate": round(found.spread("bare").median),
        "ratio_to_bare": found.ratio("ours", "bare").json(),
        "rounds": rounds,
        "endpoints": limits.ENDPOINTS_LIVE_COUNT + 1,
        "dead": 1,
        "deliveries_per_round": limits.MESSAGES_PER_ROUND_COUNT * limits.ENDPOINTS_LIVE_COUNT,
        "spread": {"rate": rate.json(0), "bare_rate": found.spread("bare").json(0)},
        "table": [row("webhook deliveries, one endpoint of ten dead", rate, HOLD_PER_S, AIM_PER_S, unit="/s")],
    }
