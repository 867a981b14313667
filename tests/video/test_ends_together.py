"""Workers that end items of one batch in the same moment: each end is told once, and the sets are numbered in a row."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.commands import grant
from pilothouse.kernel.watch import invariants, promises
from pilothouse.programs.video import commands, intake
from pilothouse.programs.video.endings import Ending, end_items
from pilothouse.programs.video.execution import ItemPump
from pilothouse.programs.video.prices import publish_default_price

ITEMS, WORKERS = 48, 6

pytestmark = pytest.mark.house


class Idle:
    """Providers with room for everything, which are never asked to make anything."""

    def room(self) -> int:
        return ITEMS

    def claimed(self, count: int) -> None:
        """Nothing is submitted here."""


@pytest.fixture
def running(house):
    """The ids of the items of one batch, all of them in work."""
    tenant = house.tenant()
    with worker_scope():
        publish_default_price()
        grant(tenant.id, ITEMS * 10, "pilot_grant", "Enterprise Pilot")
    with tenant_scope(tenant.id, "key:test"):
        commands.create_batch("order-1", intake.items([{"params": {"prompt": f"A mug {n}"}} for n in range(ITEMS)]))
    return sorted(row["id"] for row in ItemPump(Idle(), ITEMS).claim(ITEMS))


def test_sets_of_one_batch_follow_one_another_and_repeats_tell_nothing(running):
    start = Barrier(WORKERS)

    def work(worker: int) -> int:
        # Two workers hold the same third of the items: the one whose lease was taken over comes late.
        mine, ended = running[worker % 3 :: 3], 0
        try:
            start.wait()
            for first in range(0, len(mine), 5):
                endings = [
                    Ending(key, "refunded", token=1, reason="model_error") if key % 4 == 0 else
                    Ending(key, "succeeded", token=1, output="file_x", size_bytes=1, media_sha256=f"{key:064d}")
                    for key in mine[first : first + 5]
                ]  # fmt: skip
                with worker_scope("worker"):
                    ended += end_items(endings, from_state="running", claim=f"{worker}.{first}").count
            return ended
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        assert sum(pool.map(work, range(WORKERS))) == ITEMS
    with worker_scope():
        told = run("SELECT seq, type, data FROM event WHERE subject_kind = 'batch_items' ORDER BY seq")
        (batch,) = run("SELECT state, item_events FROM batch")
    assert [row["seq"] for row in told] == list(range(1, batch["item_events"] + 1))
    assert batch["state"] == "completed"
    ends = [at for row in told if row["type"] != "failed" for at in row["data"]["items"]]
    assert sorted(ends) == list(range(1, ITEMS + 1))
    assert [r.promise.check_name for r in promises.run() if not r.seen.ok] == []
    assert [each["name"] for each in invariants.run_all() if each["rows"]] == []
