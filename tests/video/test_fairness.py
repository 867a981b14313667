"""A claim is fair over tenants: a backlog never stands before another tenant's few items, and free work never fills."""

from __future__ import annotations

from collections import Counter

import pytest

from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import Statements, run
from pilothouse.kernel.watch.gates import close_gate
from pilothouse.programs.video import commands, execution, intake, limits
from pilothouse.programs.video.endings import Ending, end_items
from pilothouse.programs.video.execution import ItemPump
from pilothouse.programs.video.prices import publish_default_price

pytestmark = pytest.mark.house
BACKLOG = 10_000
ITEM = intake.NewItem({"prompt": "a mug", "aspect": "9:16", "seconds": 1}, None, {})


class Room:
    """Providers with room for so many more live items."""

    def __init__(self, free: int = 1_000_000) -> None:
        self.free = free
        self.counted = 0

    def room(self) -> int:
        return self.free

    def claimed(self, change: int) -> None:
        self.counted += change


def funded(house, name: str, credits: int = 100_000):
    made = house.tenant(name)
    with worker_scope():
        publish_default_price()
        made.settings = {"batch_items_min": 1, "batch_items_max": BACKLOG}
        made.save(update_fields=["settings"])
    house.fund(made.id, credits, f"Opening of {name}")
    return made


def create(tenant, request_id: str, count: int, mode: str = "live") -> None:
    with tenant_scope(tenant.id, "key:test"):
        commands.create_batch(request_id, [ITEM] * count, mode=mode)


def claim(count: int, room: Room | None = None):
    return ItemPump(room or Room(), count).claim(count)  # type: ignore[arg-type]


def by_tenant(rows) -> Counter[int]:
    return Counter(row["tenant"] for row in rows)


def end(rows) -> None:
    good = {"output": "file_x", "size_bytes": 1, "media_sha256": "0" * 64}
    with worker_scope():
        end_items(
            [Ending(r["id"], "succeeded", token=r["token"], **good) for r in rows], from_state="running",
            claim=f"c{rows[0]['id']}",
        )  # fmt: skip


def test_ten_items_do_not_wait_behind_ten_thousand(house):
    large, small = funded(house, "Large"), funded(house, "Small")
    create(large, "backlog", BACKLOG)
    first = claim(64)
    assert by_tenant(first) == {large.id: 64}  # nobody else waits, so nothing is left idle
    create(small, "ten", 10)
    # Every slot that becomes free now goes to the one with the least in work, one slot at a time.
    freed = []
    for row in first[:10]:
        end([row])
        freed += claim(1)
    assert by_tenant(freed) == {small.id: 10}
    assert [row["public_id"] for row in claim(5)] == _next_of(large, 5)


def _next_of(tenant, count: int) -> list[str]:
    with worker_scope():
        rows = run(
            "SELECT public_id FROM item WHERE tenant = %s ORDER BY position OFFSET 64 LIMIT %s", [tenant.id, count]
        )
    return [row["public_id"] for row in rows]


def test_one_claim_is_shared_evenly_and_the_rest_goes_to_who_waits(house):
    large, middle, small = (funded(house, name) for name in ("Large", "Middle", "Small"))
    create(large, "backlog", 900)
    create(middle, "many", 300)
    create(small, "few", 10)
    assert by_tenant(claim(300)) == {large.id: 100, middle.id: 100, small.id: 10}
    # The small one has nothing left: what is free is shared by the others, up to the same number in work.
    assert by_tenant(claim(100)) == {large.id: 50, middle.id: 50}
    taken: Counter[int] = Counter()
    while rows := claim(500):
        taken += by_tenant(rows)
    assert taken == {large.id: 750, middle.id: 150}


def test_a_claim_reads_as_little_of_a_long_backlog_as_of_a_short_one(house):
    large = funded(house, "Large")
    create(large, "backlog", BACKLOG)
    with worker_scope():
        plan = run(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + Statements(execution.__file__).text("claim_items"),
            {"count": 1, "room": 1, "test_max": 1, "lease_s": 30, "timeout_s": 900},
        )
    # A look at each of ten thousand items would be some twenty thousand blocks.
    assert plan[0]["QUERY PLAN"][0]["Plan"]["Shared Hit Blocks"] < 400


def test_test_items_come_after_live_ones_and_never_fill_the_worker(house):
    live, test = funded(house, "Live"), funded(house, "Test")
    create(test, "free", 1_000, mode="test")
    create(live, "paid", 40)
    room = Room()
    first = claim(45, room)
    assert by_tenant(first) == {live.id: 40, test.id: 5}
    assert room.counted == 40  # a test item takes no room of the live providers
    assert by_tenant(claim(500)) == {test.id: limits.TEST_IN_WORK_MAX_ITEMS - 5}
    assert claim(500) == []
    end([row for row in first if row["tenant"] == test.id])
    assert by_tenant(claim(500)) == {test.id: 5}


def test_a_full_provider_holds_up_live_items_only(house):
    tenant = funded(house, "Both")
    create(tenant, "paid", 20)
    create(tenant, "free", 20, mode="test")
    assert [row["mode"] for row in claim(100, Room(0))] == ["test"] * limits.TEST_IN_WORK_MAX_ITEMS
    assert [row["mode"] for row in claim(100, Room(3))] == ["live"] * 3


def test_a_closed_gate_over_one_tenant_gives_its_share_to_the_others(house):
    shut, open_ = funded(house, "Shut"), funded(house, "Open")
    create(shut, "waits", 20)
    create(open_, "goes", 20)
    with worker_scope():
        close_gate("video", "We look into something.", mode="no_dispatch", tenant=shut.id)
    assert by_tenant(claim(30)) == {open_.id: 20}
