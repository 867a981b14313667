"""What was promised for a time: exact counts from the rows, and the worst by name."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from world import claim, open_batch

from pilothouse.kernel.base import machine, simulated_clock
from pilothouse.kernel.base.http import Reply
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.lifecycle.commands import arm
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.outbox.commands import NewMessage, enqueue
from pilothouse.kernel.outbox.endpoints import create_endpoint
from pilothouse.kernel.outbox.sender import WebhookPump
from pilothouse.kernel.watch.commands import acknowledge, open_incident, promote
from pilothouse.kernel.watch.deadlines import Kept, judged, kept
from pilothouse.kernel.watch.gates import close_gate
from pilothouse.pilots.rehearsal.works import PumpRows
from pilothouse.programs.video.endings import Ending, end_items

pytestmark = pytest.mark.house
Pass = Callable[[float], None]


@pytest.fixture
def passing(timed_house: Any) -> Iterator[Pass]:
    """Lets so many minutes pass, for both clocks."""
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def minutes(count: float) -> None:
        nonlocal now
        now += timedelta(minutes=count)
        with worker_scope():
            simulated_clock.move_to(now)

    with machine.driven("deadlines", lambda: now):
        yield minutes


def of(name: str) -> Kept:
    """One kind, as it was kept until now."""
    with worker_scope():
        return {each.name: each for each in kept()}[name]


def test_nothing_that_was_due_is_nothing_to_tell(timed_house: Any) -> None:
    with worker_scope():
        assert kept() == []


def test_timers_are_counted_and_the_worst_has_its_subjects_name(timed_house: Any, passing: Pass) -> None:
    made = open_batch(timed_house, count=10)
    with worker_scope():
        arm("batch", "one", [(made.tenant, made.batch)], 60)
    passing(1.5)
    with worker_scope():
        arm("batch", "two", [(made.tenant, made.batch)], 60)
    # Half a minute late is in time; `batch_deadline`, of the day after, is not due.
    assert fire_due_alone() == 1
    assert of("timers") == Kept("timers", "Timers fired within a minute of being due", 1)
    passing(31)
    assert of("timers").counted == "1 of 2 late"
    assert of("timers").worst_open
    assert fire_due_alone() == 1
    told = of("timers")
    assert (told.counted, told.worst, told.worst_s) == ("1 of 2 late", f"two of {made.public_id}", 1_800.0)
    assert not told.worst_open


def fire_due_alone() -> int:
    """Fire what is due; these timers have no handler of their own."""
    from pilothouse.kernel.lifecycle import timers

    with pytest.MonkeyPatch.context() as patch:
        for name in ("one", "two"):
            patch.setitem(timers._handlers, ("batch", name), lambda rows: None)
        return fire_due()


def test_incidents_are_taken_in_the_time_of_their_severity(timed_house: Any, passing: Pass) -> None:
    with worker_scope():
        quick, slow, raised, waits = (
            open_incident("stuck_subject", "It waits", subject=name)["public_id"]
            for name in ("quick", "slow", "raised", "waits")
        )
    passing(30)
    with ops_scope("operator:ann"):
        acknowledge(quick)
        promote(raised, "it is worse")
    passing(16)
    with ops_scope("operator:ann"):
        acknowledge(raised)
    assert (of("incidents").counted, of("incidents").worst, of("incidents").worst_s) == ("1 of 2 late", raised, 60.0)
    passing(240)
    with ops_scope("operator:ann"):
        acknowledge(slow)
    told = of("incidents")
    assert (told.counted, told.worst, told.worst_s) == ("3 of 4 late", slow, 46 * 60.0)
    passing(60)
    told = of("incidents")
    assert (told.worst, told.worst_open) == (waits, True)


class Answers:
    """What stands for the endpoint's side: the status that each request gets."""

    status = 200

    async def post(self, url: str, body: bytes, headers: object) -> Reply:
        return Reply(self.status, None, 0)

    async def close(self) -> None:
        """Nothing is open."""


def test_a_webhook_is_late_by_us_or_by_the_endpoint(timed_house: Any, passing: Pass) -> None:
    tenant, there = timed_house.tenant(), Answers()
    with tenant_scope(tenant.id, "test"):
        create_endpoint("https://hooks.example.com/in")

    def news(number: int) -> None:
        with tenant_scope(tenant.id, "test"):
            enqueue([NewMessage(tenant.id, "batch.completed", "batch", number, b"{}")])

    with asyncio.Runner() as loop:
        worker = PumpRows(loop, WebhookPump(allow_local=False, client=there), "delivery")
        news(1)
        assert worker.run() == 1
        news(2)
        passing(15)
        assert of("webhooks").worst_open
        assert worker.run() == 1
        there.status = 503
        news(3)
        assert worker.run() == 1
        passing(30)
        there.status = 200
        assert worker.run() == 1
    told = of("webhooks")
    assert (told.count, told.late, told.excused, told.worst_s) == (3, 1, 1, 600.0)
    with worker_scope():
        rows = run("SELECT d.public_id FROM delivery d JOIN message m ON m.id = d.message_id WHERE m.subject_id = 2")
    assert told.worst == rows[0]["public_id"]


def test_a_video_has_its_time_from_when_it_was_sent(timed_house: Any, passing: Pass) -> None:
    made = open_batch(timed_house, count=12)
    first, second, *rest = sorted(claim(), key=lambda row: row["id"])

    def end(row: Any) -> None:
        with worker_scope():
            end_items(
                [Ending(row["id"], "refunded", row["token"], reason="timeout")], from_state="running",
                claim=f"test-{row['id']}",
            )  # fmt: skip

    end(first)
    passing(15.5)
    end(second)
    assert of("items") == Kept("items", "Videos made or refunded before their time was over", 2)
    with worker_scope():
        run("UPDATE item SET provider_ref = 'job' WHERE id = %s", [rest[0]["id"]])
    passing(5)
    assert of("items").counted == "10 of 12 late"
    # What never went upstream has its time again when the gate opens; what did is late all the same.
    with worker_scope():
        close_gate("video", "We look at something.", mode="no_dispatch", tenant=made.tenant)
    told = of("items")
    assert (told.counted, told.worst_s, told.worst_open) == ("1 of 3 late", 330.0, True)


def test_equal_lateness_is_told_of_what_was_due_first() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    rows = [
        {
            "kind": "", "id": n, "what": f"line {n}", "due_at": now - timedelta(hours=n),
            "done_at": now - timedelta(hours=n - 1), "late": True, "excused": False,
        }
        for n in (1, 3, 2)
    ]  # fmt: skip
    assert judged("lines", "Lines", rows, now).worst == "line 3"
