"""A batch from create to its end: states, money, timeline, webhook message, and every guard on the way."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.commands import grant
from pilothouse.kernel.ledger.errors import InsufficientCredits
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.lifecycle.errors import ReasonRefused
from pilothouse.programs.video import commands, intake
from pilothouse.programs.video.endings import Ending, end_items, end_open
from pilothouse.programs.video.errors import BatchCompleted, BatchSize, RequestIdConflict
from pilothouse.programs.video.execution import ItemPump, write_steps
from pilothouse.programs.video.models import Batch, Item
from pilothouse.programs.video.prices import publish_default_price
from pilothouse.programs.video.queries import batch_rows, batches_json, item_rows, items_json
from pilothouse.programs.video.steps import Step

pytestmark = pytest.mark.house


def wanted(count: int, tag: str = "mug") -> list[intake.NewItem]:
    return intake.items(
        [{"params": {"prompt": f"{tag} {n}", "seconds": 1}, "metadata": {"n": n}} for n in range(count)]
    )


@pytest.fixture
def tenant(house):
    made = house.tenant()
    with worker_scope():
        publish_default_price()
        grant(made.id, 100, "pilot_grant", "Enterprise Pilot - Northwind")
    return made


class Idle:
    """A dispatcher that lets everything be claimed and is never asked to make anything."""

    def room(self) -> int:
        return 1_000

    def claimed(self, change: int) -> None:
        """Nothing is submitted here."""


def create(tenant, request_id="order-1", count=10, **more):
    with tenant_scope(tenant.id, "key:test"):
        return commands.create_batch(request_id, wanted(count), **more)


def claim(count=100):
    return ItemPump(Idle(), 100).claim(count)


def end(rows, state="succeeded", reason=None, token=None):
    with worker_scope():
        return end_items(
            [
                Ending(row["id"], state, token=token or row["token"], reason=reason,
                       output="file_x" if state == "succeeded" else None, size_bytes=1, media_sha256="0" * 64)
                for row in rows
            ],
            from_state="running", claim=f"c{rows[0]['token']}{state}{rows[0]['id']}",
        )  # fmt: skip


def test_a_batch_ends_with_its_equation_and_one_message(tenant):
    created = create(tenant)
    with tenant_scope(tenant.id):
        assert balance(tenant.id) == type(balance(tenant.id))(0, 100)
    rows = claim()
    assert [row["old_state"] for row in rows] == ["pending"] * 10
    assert claim() == []
    assert end(rows[:9]).completed == []
    (done,) = end(rows[9:], "refunded", "param_error").completed
    assert (done["reserved"], done["settled"], done["refunded"]) == (100, 90, 10)
    with tenant_scope(tenant.id):
        assert (balance(tenant.id).available, balance(tenant.id).held) == (10, 0)
        (shown,) = batches_json([Batch.objects.get(public_id=created.batch_id).__dict__])
        assert shown["ledger"] == {"reserved": 100, "settled": 90, "refunded": 10, "in_flight": 0}
        assert shown["summary"] == {"total": 10, "pending": 0, "running": 0, "succeeded": 9, "failed": 1}
        bodies = [bytes(row["body"]) for row in run("SELECT body FROM message")]
        events = [row["type"] for row in run("SELECT type FROM event WHERE subject_kind = 'batch' ORDER BY seq")]
        told = run("SELECT seq, type, data FROM event WHERE subject_kind = 'batch_items' ORDER BY seq")
        timers = [row["state"] for row in run("SELECT state FROM timer")]
        batch = Batch.objects.get()
        failed = items_json(item_rows(batch.id, count=50, status="failed"))
    assert events == ["create", "start", "finish"]
    assert [(row["seq"], row["type"], row["data"]["items"]) for row in told] == [
        (1, "succeeded", list(range(1, 10))), (2, "failed", [10]), (3, "refunded", [10]),
    ]  # fmt: skip
    assert len(told[0]["data"]["media_sha256"]) == 9
    assert told[1]["data"]["reason"] == "param_error"
    assert timers == ["cancelled"]
    assert [step["status"] for step in failed[0]["history"]] == ["pending", "running", "failed", "refunded"]
    body = json.loads(bodies[0])
    assert len(bodies) == 1
    assert list(body) == ["event", "batch_id", "request_id", "summary", "ledger", "timestamp"]
    assert body["ledger"] == {"reserved": 100, "settled": 90, "refunded": 10}
    assert body["summary"] == {"total": 10, "succeeded": 9, "failed": 1}


def test_claims_and_ends_are_planned_once_for_a_connection(tenant):
    create(tenant)
    for _ in range(2):
        end(claim(5))
    with worker_scope():
        kept = run("SELECT statement, generic_plans + custom_plans AS runs FROM pg_prepared_statements")
    for first_words in ("-- Leases a set of due items", "-- Ends a set of items"):
        (runs,) = [row["runs"] for row in kept if row["statement"].startswith(first_words)]
        assert runs >= 2


def test_ending_twice_or_with_a_stale_token_moves_nothing(tenant):
    create(tenant)
    rows = claim()
    assert end(rows[:5], token=99).count == 0
    assert end(rows[:5]).count == 5
    assert end(rows[:5]).count == 0
    assert end(rows[:5], "refunded", "timeout").count == 0
    with tenant_scope(tenant.id):
        assert (balance(tenant.id).available, balance(tenant.id).held) == (0, 50)


@pytest.mark.parametrize(
    ("state", "reason"),
    [("refunded", "cancelled"), ("refunded", None), ("succeeded", "timeout"), ("refunded", "veo 500")],
)
def test_an_item_ends_only_with_a_reason_of_its_transition(tenant, state, reason):
    create(tenant)
    rows = claim()
    with pytest.raises(ReasonRefused):
        end(rows, state, reason)
    with tenant_scope(tenant.id):
        assert (balance(tenant.id).available, balance(tenant.id).held) == (0, 100)
        assert set(Item.objects.values_list("state", flat=True)) == {"running"}


def test_the_same_request_is_replayed_and_another_body_refused(tenant):
    first = create(tenant)
    again = create(tenant)
    assert (again.batch_id, again.replayed) == (first.batch_id, True)
    with pytest.raises(RequestIdConflict) as refused:
        create(tenant, count=11)
    assert refused.value.details["batch_id"] == first.batch_id
    with tenant_scope(tenant.id):
        assert Batch.objects.count() == 1


def test_short_funds_and_wrong_sizes_change_nothing(tenant):
    with pytest.raises(InsufficientCredits) as short:
        create(tenant, count=11)
    assert short.value.details == {"needed": 110, "available": 100}
    for count in (9, 51):
        with pytest.raises(BatchSize):
            create(tenant, count=count)
    with tenant_scope(tenant.id):
        assert Batch.objects.count() == Item.objects.count() == 0
        assert balance(tenant.id).available == 100


def test_fifty_creates_with_money_for_one_accept_exactly_one(tenant):
    outcomes: list[str] = []

    def one(n: int) -> None:
        from django.db import connections

        try:
            create(tenant, f"order-{n}")
            outcomes.append("accepted")
        except InsufficientCredits:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted"] + ["refused"] * 49
    with tenant_scope(tenant.id):
        assert (balance(tenant.id).available, balance(tenant.id).held) == (0, 100)


def test_cancel_returns_what_was_not_dispatched_and_completes_when_nothing_is_left(tenant):
    created = create(tenant)
    rows = claim(4)
    with tenant_scope(tenant.id, "user:ann"):
        assert commands.cancel_batch(created.batch_id) == 6
        assert commands.cancel_batch(created.batch_id) == 0
    (done,) = end(rows).completed
    assert (done["settled"], done["refunded"]) == (40, 60)
    with tenant_scope(tenant.id), pytest.raises(BatchCompleted):
        commands.cancel_batch(created.batch_id)


def test_the_deadline_ends_pending_and_running_alike(tenant):
    create(tenant)
    claim(3)
    with worker_scope():
        batch = Batch.objects.get()
        ended = end_open([batch.id], reason="timeout", claim="deadline")
    assert ended.count == 10
    assert [row["refunded"] for row in ended.completed] == [100]


def test_a_late_success_is_an_attempt_and_never_money(tenant):
    create(tenant)
    rows = claim()
    end(rows, "refunded", "timeout")
    late = Step.of(rows[0])
    late.ending = Ending(rows[0]["id"], "succeeded", token=rows[0]["token"], output="file_late", media_sha256="1" * 64)
    assert write_steps([late]).count == 0
    with tenant_scope(tenant.id):
        assert balance(tenant.id).available == 100


def test_a_test_key_costs_nothing_and_keeps_the_equation(tenant):
    created = create(tenant, mode="test")
    rows = claim()
    assert {row["mode"] for row in rows} == {"test"}
    (done,) = end(rows).completed
    assert done["public_id"] == created.batch_id
    with tenant_scope(tenant.id):
        assert balance(tenant.id).available == 100
        assert balance(tenant.id, "TEST").held == 0


def test_a_test_key_neither_sees_nor_cancels_live_work(tenant):
    created = create(tenant)
    with tenant_scope(tenant.id):
        assert commands.access_batch(created.batch_id, "live").public_id == created.batch_id
        for touch in (commands.access_batch, commands.cancel_batch):
            with pytest.raises(NotFound):
                touch(created.batch_id, "test")
        assert batch_rows(tenant.id, count=10, mode="test") == []


def test_competing_workers_share_the_items_without_a_double(tenant):
    create(tenant)
    found: list[int] = []

    async def race() -> None:
        pumps = [ItemPump(Idle(), 100) for _ in range(4)]
        for rows in await asyncio.gather(*(asyncio.to_thread(pump.claim, 4) for pump in pumps)):
            found.extend(row["id"] for row in rows)

    asyncio.run(race())
    assert len(found) == len(set(found)) == 10
