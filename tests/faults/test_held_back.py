"""What holds items back: closed gates, full or broken upstreams, lost answers, timeouts and deadlines.

One worker's pump runs in this process, step by step, against an upstream over real HTTP; time moves by moving the rows.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fault_world import World

from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.watch.gates import close_gate, reopen_gate
from pilothouse.programs.video import limits
from pilothouse.programs.video.providers import limits as provider_limits

pytestmark = pytest.mark.faults


class Pumped:
    """The item pump of one worker, on one event loop."""

    def __init__(self) -> None:
        from pilothouse.programs.video.tasks import pumps

        self.runner = asyncio.Runner()
        (self.pump,) = pumps()

    def turn(self, *, finish: bool = True) -> list[Any]:
        """Claim what is due, take one step of each, and write what was found out; returns the steps."""
        rows = self.pump.claim(100)

        async def act() -> list[Any]:
            return list(await asyncio.gather(*(self.pump.act(row) for row in rows)))

        steps = self.runner.run(act())
        if finish and steps:
            self.pump.finish(steps)
        return steps

    def close(self) -> None:
        """Close the connections."""
        self.runner.run(self.pump.close())
        self.runner.close()


@pytest.fixture
def pumped(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pumped]:
    for name, value in world.upstream.env().items():
        monkeypatch.setenv(name, value)
    made = Pumped()
    yield made
    made.close()


def due(world: World) -> None:
    """Every wait is over."""
    world.rows(
        "UPDATE item SET next_run_at = base.clock_now() - interval '1 s' WHERE next_run_at IS NOT NULL RETURNING 1"
    )


def pass_time(world: World, seconds: float) -> None:
    """Move everything that has happened, and every due time, into the past."""
    with world.house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        for table, columns in (
            ("item", ("created_at", "next_run_at", "dispatched_at", "timeout_at")),
            ("batch", ("created_at", "deadline_at", "started_at")),
            ("timer", ("due_at", "armed_at")),
            ("gate", ("closed_at", "opened_at")),
            ("journal", ("effective_at",)),
        ):
            moved = ", ".join(f"{column} = {column} - make_interval(secs => {seconds})" for column in columns)
            admin.execute(f"UPDATE {table} SET {moved}")


def close(mode: str = "no_dispatch") -> str:
    with worker_scope("test"):
        return str(close_gate("video", "Dispatch is paused.", mode=mode)["public_id"])  # type: ignore[arg-type]


def reopen(gate: str) -> None:
    with ops_scope("operator:olga"):
        reopen_gate(gate)


def turns(world: World, pumped: Pumped, patience: int = 12) -> None:
    """Turn until every batch completed."""
    for _ in range(patience):
        due(world)
        pumped.turn()
        if not world.one("SELECT count(*) AS n FROM batch WHERE state <> 'completed'"):
            return
    raise AssertionError(world.rows("SELECT id, state, provider, provider_ref, provider_error FROM item"))


def test_a_gate_that_closes_lets_running_items_end_and_sends_nothing_more(world: World, pumped: Pumped) -> None:
    world.batch(20, 0)
    pumped.pump.finish(pumped.turn(finish=False)[:8])
    # Eight are written; the twelve others were sent too, and this worker died before it wrote that.
    world.rows(
        "UPDATE item SET lease_until = clock_timestamp() - interval '1 s' WHERE lease_until IS NOT NULL RETURNING 1"
    )
    world.batch(10, 1, "order-2")
    gate = close()
    for _ in range(4):
        due(world)
        pumped.turn()
    assert world.upstream.requests["submit"] == 20
    assert (world.count("succeeded"), world.count("running"), world.count("pending")) == (20, 0, 10)
    reopen(gate)
    turns(world, pumped)
    world.prove(29, 1, batches=2)
    assert world.upstream.paid_twice() == []


def test_a_gate_that_closes_between_claim_and_submit_is_obeyed(world: World, pumped: Pumped) -> None:
    world.batch()
    rows = pumped.pump.claim(100)
    gate = close()

    async def act() -> list[Any]:
        return list(await asyncio.gather(*(pumped.pump.act(row) for row in rows)))

    pumped.pump.finish(pumped.runner.run(act()))
    due(world)
    assert pumped.turn() == []
    assert world.upstream.requests["submit"] == 0
    assert world.count("running") == 10
    # An item's time does not run out behind the gate: it has all of it again afterwards.
    pass_time(world, limits.ITEM_TIMEOUT_S + 60)
    assert pumped.turn() == []
    reopen(gate)
    turns(world, pumped)
    world.prove(9, 1)


def test_an_item_upstream_times_out_behind_a_gate_as_ever(world: World, pumped: Pumped) -> None:
    world.batch(refused=0)
    world.upstream.pending = True
    pumped.turn()
    gate = close()
    pass_time(world, limits.ITEM_TIMEOUT_S + 1)
    pumped.turn()
    world.prove(0, 10)
    assert world.upstream.requests["delete"] == 10
    reopen(gate)


def test_a_late_success_after_the_timeout_is_never_billed(world: World, pumped: Pumped) -> None:
    world.batch(refused=0)
    pumped.turn()
    due(world)
    late = pumped.turn(finish=False)
    assert {step.ending.state for step in late} == {"succeeded"}
    # The lease ran out and another worker found that the time was over.
    world.rows("UPDATE item SET lease_until = clock_timestamp() - interval '1 s' RETURNING 1")
    pass_time(world, limits.ITEM_TIMEOUT_S + 1)
    pumped.turn()
    world.prove(0, 10)
    pumped.pump.finish(late)
    world.prove(0, 10)
    assert world.one("SELECT count(*) AS n FROM item_attempt WHERE step = 'fetch' AND outcome = 'fetched'") == 10
    assert world.one("SELECT count(*) AS n FROM file") == 0


def test_writing_the_same_end_twice_is_writing_it_once(world: World, pumped: Pumped) -> None:
    """When a connection is lost at the commit, nobody knows whether it happened: the set is written again."""
    world.batch()
    pumped.turn()
    due(world)
    steps = pumped.turn(finish=False)
    pumped.pump.finish(steps)
    pumped.pump.finish(steps)
    world.prove(9, 1)


def test_the_deadline_waits_behind_a_gate_and_gives_back_the_time(world: World, pumped: Pumped) -> None:
    world.batch()
    gate = close()
    pass_time(world, limits.BATCH_DEADLINE_S + 3600)
    assert fire_due() == 1
    assert world.count("pending") == 10
    with worker_scope("test"):
        (timer,) = run(
            "SELECT extract(epoch FROM due_at - base.clock_now())::int AS left FROM timer WHERE state = 'armed'"
        )
        (batch,) = run("SELECT extract(epoch FROM deadline_at - base.clock_now())::int AS left FROM batch")
    assert timer["left"] == pytest.approx(limits.BATCH_DEADLINE_S, abs=60)
    assert batch["left"] == timer["left"]
    reopen(gate)
    turns(world, pumped)
    world.prove(9, 1)


def test_the_deadline_ends_what_no_gate_held(world: World, pumped: Pumped) -> None:
    world.batch()
    reopen(close())
    pass_time(world, limits.BATCH_DEADLINE_S + 60)
    assert fire_due() == 1
    world.prove(0, 10)


def test_a_full_upstream_burns_no_attempt_and_is_waited_out(world: World, pumped: Pumped) -> None:
    world.batch(refused=0)
    world.upstream.full = True
    for waits in (1, 2, 3, 4):
        due(world)
        assert len(pumped.turn()) == 10
        assert world.rows("SELECT DISTINCT attempt, waits, provider_ref FROM item") == [
            {"attempt": 0, "waits": waits, "provider_ref": None}
        ]
    left = world.one("SELECT min(extract(epoch FROM next_run_at - base.clock_now()))::int AS n FROM item")
    assert left > provider_limits.CAPACITY_WAITS_S[2] * 0.7
    world.upstream.full = False
    turns(world, pumped)
    world.prove(10, 0)


def test_a_full_upstream_ends_with_the_items_time(world: World, pumped: Pumped) -> None:
    world.batch(refused=0)
    world.upstream.full = True
    pumped.turn()
    pass_time(world, limits.ITEM_TIMEOUT_S + 1)
    pumped.turn()
    world.prove(0, 10)
    assert world.rows("SELECT DISTINCT failure_reason AS r FROM item") == [{"r": "timeout"}]


def test_behind_open_breakers_items_stay_pending_and_one_probe_goes(
    world: World, pumped: Pumped, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.batch(refused=0)
    breaker = pumped.pump.dispatcher.sets["live"].breakers["videos_api"]
    world.upstream.broken = True
    pumped.pump.finish([pumped.runner.run(pumped.pump.act(row)) for row in pumped.pump.claim(5)])
    while breaker.state(time.monotonic()) != "open":
        breaker.failed(time.monotonic())
    assert pumped.pump.dispatcher.room() == 0
    world.batch(10, 0, "order-2")
    pumped.turn()
    assert world.count("pending") >= 15
    pending = world.count("pending")
    # Half open: one item goes as the probe, and the others do not start their time.
    monkeypatch.setattr(breaker, "_open_until", 0.0)
    pumped.turn()
    assert world.count("pending") == pending - 1
    world.upstream.broken = False
    monkeypatch.setattr(breaker, "_open_until", None)
    turns(world, pumped)
    world.prove(20, 0, batches=2)


def test_a_lost_answer_is_looked_up_and_never_paid_twice(world: World, pumped: Pumped) -> None:
    world.batch(refused=0)
    world.upstream.cut_submits = 6
    pumped.turn()
    assert world.one("SELECT count(*) AS n FROM item WHERE provider_ref LIKE 'lookup:%'") == 6
    assert len(world.upstream.jobs) == 10
    turns(world, pumped)
    world.prove(10, 0)
    assert len(world.upstream.jobs) == 10
    assert world.upstream.paid_twice() == []
