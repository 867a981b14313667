"""The pump in real workers: twins, a dead endpoint among ten, a killed sender."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest

from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.outbox import limits
from pilothouse.kernel.outbox.commands import NewMessage, enqueue
from pilothouse.kernel.outbox.endpoints import create_endpoint
from pilothouse.kernel.outbox.sender import WebhookPump, sweep
from pilothouse.kernel.work.pump import Database, Runner

pytestmark = [pytest.mark.house, pytest.mark.http]


def queue(tenant: int, count: int, first: int = 1) -> None:
    with tenant_scope(tenant):
        enqueue([NewMessage(tenant, "x", "batch", n, b'{"n":%d}' % n) for n in range(first, first + count)])


async def run_until(done: Any, runners: int = 1, seconds: float = 30) -> float:
    """Run workers until `done()`; the seconds that it took."""
    database = Database()
    made = [Runner(WebhookPump(), database) for _ in range(runners)]
    tasks = [asyncio.create_task(runner.run()) for runner in made]
    began = time.monotonic()
    while not done() and time.monotonic() - began < seconds:  # noqa: ASYNC110  (done() reads another thread)
        await asyncio.sleep(0.02)
    took = time.monotonic() - began
    for runner in made:
        runner.stop()
    await asyncio.gather(*tasks)
    for runner in made:
        await runner.pump.close()  # type: ignore[attr-defined]
    database.close()
    assert done(), "it did not end in time"
    return took


def states(house: Any) -> dict[str, int]:
    with house.connect() as db:
        return dict(db.execute("SELECT state, count(*)::int FROM delivery GROUP BY state").fetchall())


def test_twins_never_send_the_same_delivery_twice(house: Any, receiver: Any, settings_local: None) -> None:
    tenant = house.tenant()
    with receiver() as hook:
        with tenant_scope(tenant.id):
            create_endpoint(hook.url())
        queue(tenant.id, 400)
        asyncio.run(run_until(lambda: len(hook.seen) >= 400, runners=3))
        assert set(Counter(seen.headers["webhook-id"] for seen in hook.seen).values()) == {1}
        assert len(hook.seen) == 400
    assert states(house) == {"delivered": 400}
    with house.connect() as db:
        assert db.execute("SELECT count(*), count(DISTINCT delivery_id) FROM delivery_attempt").fetchone() == (400, 400)


def test_one_endpoint_is_never_flooded(house: Any, receiver: Any, settings_local: None) -> None:
    tenant = house.tenant()
    with receiver() as hook:
        with tenant_scope(tenant.id):
            create_endpoint(hook.url())
        queue(tenant.id, 200)
        pumps = [WebhookPump(), WebhookPump()]
        taken = [len(pump.claim(500)) for pump in pumps]
        assert sum(taken) == limits.ENDPOINT_IN_FLIGHT_MAX


def test_a_dead_endpoint_among_ten_delays_nobody(house: Any, receiver: Any, settings_local: None) -> None:
    """One of ten accepts connections and never answers. The nine others get all of theirs long before it times out."""
    tenant = house.tenant()
    with receiver() as hook, receiver(answer=lambda seen: (200, {}, 60.0)) as dead:
        with tenant_scope(tenant.id):
            create_endpoint(dead.url("/dead"))
            for n in range(9):
                create_endpoint(hook.url(f"/{n}"))
        queue(tenant.id, 100)
        took = asyncio.run(run_until(lambda: len(hook.seen) >= 900))
        assert took < limits.REQUEST_TIMEOUT_S - 2
        assert set(Counter(seen.path for seen in hook.seen).values()) == {100}
        assert len(dead.seen) <= limits.ENDPOINT_IN_FLIGHT_MAX
        # The stop waited for the requests under way or their leases do; either way none is lost.
        assert states(house)["delivered"] == 900


def claimed(pump: WebhookPump, count: int) -> Counter[int]:
    return Counter(row["tenant"] for row in pump.claim(count))


def test_a_tenant_with_many_endpoints_leaves_room_for_others(
    house: Any, settings_local: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns go over tenants, not endpoints, and none has more under way than its share of a worker."""
    monkeypatch.setattr(limits, "TENANT_IN_FLIGHT_MAX", 30)
    large, small = house.tenant("Large"), house.tenant("Small")
    for tenant, endpoints in ((large, 10), (small, 1)):
        with tenant_scope(tenant.id):
            for n in range(endpoints):
                create_endpoint(f"https://hooks.example.com/{n}")
    queue(large.id, 20)
    queue(small.id, 20)
    pump = WebhookPump()
    assert claimed(pump, 20) == {large.id: 10, small.id: 10}
    assert claimed(pump, 100) == {large.id: 20, small.id: 10}
    assert claimed(pump, 100) == {}, "the large one has 30 under way; the rest waits for those"
    with house.connect() as db:
        db.execute("UPDATE delivery SET lease_until = statement_timestamp() - interval '1 s' WHERE state = 'sending'")
    sweep()
    assert claimed(pump, 100)[large.id] == 30


def test_a_failing_endpoint_is_probed_by_one_and_mends_at_once(
    house: Any, receiver: Any, settings_local: None, drain: Any, make_due: Any
) -> None:
    tenant = house.tenant()
    code = 500
    with receiver(answer=lambda seen: (code, {}, 0.0)) as hook:
        with tenant_scope(tenant.id):
            create_endpoint(hook.url())
        queue(tenant.id, 60)
        assert drain() == limits.ENDPOINT_IN_FLIGHT_MAX
        assert drain() == 0, "the breaker is closed though ten are due"
        for trips, pause in enumerate(limits.BREAKER_PAUSES_S[1:], 2):
            make_due()
            assert drain() == 1, "one probe"
            with house.connect() as db:
                row = db.execute(
                    "SELECT trips, extract(epoch FROM closed_until - statement_timestamp()) FROM endpoint"
                ).fetchone()
            assert row[0] == trips
            assert pause - 2 < row[1] <= pause
        code = 200
        make_due()
        assert drain() == 60
    assert states(house) == {"delivered": 60}


WORKER = """
import asyncio, django
django.setup()
from django.conf import settings
settings.WEBHOOK_ALLOW_LOCAL = True
from pilothouse.kernel.outbox.sender import WebhookPump
from pilothouse.kernel.work.pump import Database, Runner
asyncio.run(Runner(WebhookPump(), Database()).run())
"""


@pytest.mark.faults
def test_a_killed_sender_loses_nothing(house: Any, receiver: Any, drain: Any) -> None:
    """SIGKILL while requests are under way: after the lease they are sent again, same id, same bytes."""
    tenant = house.tenant()
    slow = 60.0
    with receiver(answer=lambda seen: (200, {}, slow)) as hook:
        with tenant_scope(tenant.id):
            create_endpoint(hook.url())
        queue(tenant.id, 20)
        worker = subprocess.Popen([sys.executable, "-W", "ignore", "-c", WORKER], env=house.env())
        try:
            until = time.monotonic() + 30
            while len(hook.seen) < 20 and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
        assert len(hook.seen) == 20
        assert states(house) == {"sending": 20}
        slow = 0.0
        assert drain() == 0, "the leases still hold"
        with house.connect() as db:
            db.execute("UPDATE delivery SET lease_until = statement_timestamp()")
        assert sweep() == 20
        assert drain() == 20
        pairs = Counter((seen.headers["webhook-id"], seen.body) for seen in hook.seen)
        assert len(pairs) == 20
        assert set(pairs.values()) == {2}
    assert states(house) == {"delivered": 20}


@pytest.mark.tamper
def test_what_is_open_for_too_long_ends(house: Any, settings_local: None) -> None:
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        create_endpoint("https://hooks.example.com/")
    queue(tenant.id, 2)
    with house.admin() as db:
        db.execute("UPDATE delivery SET created_at = created_at - interval '37 hours' WHERE id = 1")
    assert sweep() == 1
    assert states(house) == {"dead": 1, "queued": 1}
