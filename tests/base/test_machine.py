"""Clocks and chance come from one place, which a rehearsal replaces for its block and no longer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pilothouse.kernel.base import clock, machine, simulated_clock
from pilothouse.kernel.base.ids import new_id, new_ids
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def drawn(seed: int) -> tuple[Any, ...]:
    with machine.driven(seed, lambda: AT):
        return new_id("x"), new_ids("y", 2), machine.uniform(1, 2), clock.now(), machine.steady()


def test_the_same_seed_draws_the_same() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7)[0] != drawn(8)[0]
    assert drawn(7)[3] == AT


def test_afterwards_the_machine_is_itself_again() -> None:
    before = clock.now()
    assert drawn(7)[0] == drawn(7)[0]
    assert new_id("x") != new_id("x")
    assert before <= clock.now() <= before + timedelta(minutes=5)


@pytest.mark.house
def test_leases_of_a_rehearsal_end_by_its_own_clock(timed_house: Any) -> None:
    with worker_scope("test"):
        (before,) = run("SELECT base.machine_now() AS at")
        simulated_clock.move_to(before["at"] + timedelta(seconds=31))
        (after,) = run("SELECT base.machine_now() AS at")
    assert after["at"] - before["at"] == timedelta(seconds=31)
