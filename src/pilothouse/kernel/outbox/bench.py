"""How many webhooks one worker delivers a second with one dead endpoint among ten, and the bare limit beside it.

The bare limit is the same client posting the same bytes to the same receiver, with nothing of ours around it: no
claim, no signature, no attempt row. Rounds are interleaved, because a shared machine varies more between minutes than
between the two.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.work.pump import Database, Runner

from . import limits
from .commands import NewMessage, encode_body, enqueue
from .endpoints import insert_endpoint
from .sender import WebhookPump, webhook_client

SQL = Statements(__file__)
HEALTHY = 9
ROUND_MAX_S = 60.0
BODY = encode_body(
    {
        "event": "batch.completed",
        "batch_id": "bat_01k0000000000000000000000",
        "request_id": "order-123",
        "summary": {"total": 10, "succeeded": 9, "failed": 1},
        "ledger": {"reserved": 100, "settled": 90, "refunded": 10},
        "timestamp": "2026-01-24T10:00:00Z",
    }
)


def webhook_rate(messages: int = 200, rounds: int = 10) -> dict[str, Any]:
    """Measure on the configured database; it gains one tenant a round, so use one that may be thrown away.

    Each round delivers `messages` to nine healthy endpoints and to one that never answers. Returns medians over the
    rounds: `rate` and `bare_rate` in deliveries a second, `ratio_to_bare`, and the `spread` of all rounds.
    """
    receiver = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("bench_receiver.py"))], stdout=subprocess.PIPE, text=True
    )
    try:
        assert receiver.stdout is not None
        address = f"http://127.0.0.1:{int(receiver.stdout.readline())}"
        pairs = [(_round(address, messages), asyncio.run(_bare(address, messages * HEALTHY))) for _ in range(rounds)]
    finally:
        receiver.kill()
        receiver.wait()
    rates, bare = [rate for rate, _ in pairs], [rate for _, rate in pairs]
    return {
        "rate": round(statistics.median(rates)),
        "bare_rate": round(statistics.median(bare)),
        "ratio_to_bare": round(statistics.median(rate / limit for rate, limit in pairs), 2),
        "deliveries": messages * HEALTHY * rounds,
        "rounds": rounds,
        "spread": {"rate": [round(min(rates)), round(max(rates))], "bare_rate": [round(min(bare)), round(max(bare))]},
    }


def _round(address: str, messages: int) -> float:
    with worker_scope("bench"):
        tenant = Tenant.objects.create(public_id=new_id("ten"), name="Bench", created_at=clock.now())
    with tenant_scope(tenant.id, "bench"):
        for name in (*range(HEALTHY), "dead"):
            insert_endpoint(tenant.id, f"{address}/{name}")
        enqueue([NewMessage(tenant.id, "bench", "bench", number, BODY) for number in range(messages)])
    return asyncio.run(_deliver(tenant.id, messages * HEALTHY))


async def _deliver(tenant: int, expected: int) -> float:
    """Deliveries a second from the first claim to the last acknowledgement in the database."""
    database = Database()
    runner = Runner(WebhookPump(allow_local=True), database)
    began = time.monotonic()
    running = asyncio.create_task(runner.run())
    try:
        while (done := await database.run(_delivered, tenant)) < expected:
            if time.monotonic() - began > ROUND_MAX_S:
                raise TimeoutError(f"{done} of {expected} deliveries in {ROUND_MAX_S} s")
            await asyncio.sleep(0.02)
        return expected / (time.monotonic() - began)
    finally:
        runner.stop()
        # What the dead endpoint holds is left to its leases.
        for task in runner.tasks:
            task.cancel()
        await running
        database.close()


def _delivered(tenant: int) -> int:
    with worker_scope("bench"):
        row = SQL.one("delivered_count", tenant=tenant)
        return int(row["n"]) if row else 0


async def _bare(address: str, count: int) -> float:
    async with webhook_client(allow_local=True) as client:
        gate = asyncio.Semaphore(HEALTHY * limits.ENDPOINT_IN_FLIGHT_MAX)

        async def post(number: int) -> None:
            async with gate:
                await client.post(f"{address}/{number % HEALTHY}", BODY, {"Content-Type": "application/json"})

        began = time.monotonic()
        await asyncio.gather(*(post(number) for number in range(count)))
        return count / (time.monotonic() - began)
