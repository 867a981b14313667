"""SIGKILL of a worker at each step of a batch: the next one completes it, nothing lost, nothing doubled, nothing paid
twice upstream."""

import contextlib
import signal
import time

import pytest
from fault_world import LEASE_S, World
from patience import until

pytestmark = pytest.mark.faults


def complete(world: World, settled: int = 9, refunded: int = 1) -> None:
    """Another worker ends what is left, and everything adds up."""
    began = time.monotonic()
    world.worker()
    world.wait_completed()
    # The start of the process and the lease of what was in work, on a busy machine; never the minutes of a deadline.
    assert time.monotonic() - began < LEASE_S + 60
    world.prove(settled, refunded)
    assert world.upstream.paid_twice() == []


@pytest.mark.slow
def test_killed_after_the_claim(world: World) -> None:
    world.batch()
    worker, claimed = world.claimer()
    assert claimed == 10
    assert world.count("running") == 10
    worker.kill()
    complete(world)


@pytest.mark.parametrize("point", [pytest.param("before", marks=pytest.mark.slow), "after"])
def test_killed_while_a_submit_is_under_way(world: World, point: str) -> None:
    """`before`: the upstream never took it, so it is sent again. `after`: it did, and the job is found by its key."""
    world.batch()
    world.upstream.hold("submit", point)
    worker = world.worker()
    world.upstream.wait_held("submit", 10)
    worker.kill()
    assert len(world.upstream.jobs) == (0 if point == "before" else 9)
    world.upstream.let_go()
    complete(world)
    assert len(world.upstream.jobs) == 9
    assert world.upstream.requests["list"] >= 9


def test_killed_after_the_submit_before_it_is_written(world: World) -> None:
    world.batch(refused=0)
    world.upstream.hold("submit", "after")
    worker = world.worker()
    world.upstream.wait_held("submit", 10)
    with world.locked("SELECT id FROM item FOR UPDATE"):
        world.upstream.let_go()
        world.wait_blocked("UPDATE item")
        worker.kill()
    assert {row["ref"] for row in world.rows("SELECT left(provider_ref, 7) AS ref FROM item")} == {"lookup:"}
    complete(world, 10, 0)
    assert len(world.upstream.jobs) == 10


@pytest.mark.parametrize("route", [pytest.param("poll", marks=pytest.mark.slow), "content"])
def test_killed_during(world: World, route: str) -> None:
    world.batch()
    world.upstream.hold(route, "after")
    worker = world.worker()
    world.upstream.wait_held(route, 9)
    worker.kill()
    world.upstream.let_go()
    complete(world)


def test_killed_in_the_middle_of_finish(world: World) -> None:
    """Items are written and the batch's lock is awaited: the whole statement is undone, files and all."""
    world.batch()
    with contextlib.ExitStack() as held:
        world.upstream.hold("submit", "after")
        worker = world.worker()
        world.upstream.wait_held("submit", 10)
        held.enter_context(world.locked("SELECT id FROM batch FOR UPDATE"))
        world.upstream.let_go()
        world.wait_blocked("Ends a set of items")
        worker.kill()
        assert world.count("running") == 10
    complete(world)


def test_two_workers_share_and_one_dies(world: World) -> None:
    for n in range(4):
        world.batch(20, 2, f"order-{n}")
    world.upstream.hold("content", "after")
    first = world.worker(VIDEO_CONCURRENCY="16")
    world.worker(VIDEO_CONCURRENCY="16")
    world.upstream.wait_held("content", 20)
    first.kill()
    world.upstream.let_go()
    world.wait_completed()
    world.prove(72, 8, batches=4)
    assert world.upstream.paid_twice() == []


def test_a_stopped_worker_that_wakes_after_its_lease_changes_nothing(world: World) -> None:
    world.batch()
    world.upstream.hold("content", "after")
    stale = world.worker()
    world.upstream.wait_held("content", 9)
    stale.send(signal.SIGSTOP)
    before = world.upstream.held["content"]
    world.worker()
    world.upstream.wait_held("content", before + 9)
    world.upstream.let_go()
    world.wait_completed()
    world.prove(9, 1)
    ends = world.rows("SELECT id, state, token, output, finished_at FROM item ORDER BY id")
    stale.send(signal.SIGCONT)
    # It writes what it had found out: its calls are kept for operators, and nothing else changes.
    until(lambda: world.one("SELECT count(*) AS n FROM item_attempt WHERE step = 'fetch'") >= 18)
    time.sleep(0.5)
    assert world.rows("SELECT id, state, token, output, finished_at FROM item ORDER BY id") == ends
    world.prove(9, 1)


def test_a_clean_stop_gives_back_what_it_cannot_finish(world: World) -> None:
    world.batch()
    world.upstream.hold("content", "after")
    worker = world.worker(CLAIM_LEASE_S="600")
    world.upstream.wait_held("content", 9)
    worker.send(signal.SIGTERM)
    assert worker.process.wait(15) == 0, worker.output
    assert world.one("SELECT count(*) AS n FROM item WHERE lease_until > clock_timestamp()") == 0
    world.upstream.let_go()
    complete(world)
