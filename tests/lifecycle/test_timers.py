"""Timers fire once, in sets; a handler that fails leaves them armed; a bad one is set aside and the rest proceeds."""

import threading

import pytest
from django.db import connections

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.lifecycle import timers
from pilothouse.kernel.lifecycle.commands import arm, cancel
from pilothouse.kernel.lifecycle.models import Timer
from pilothouse.kernel.lifecycle.queries import stuck_subjects

pytestmark = pytest.mark.house


@pytest.fixture
def fired(monkeypatch):
    """A handler that writes what fired into the database, in the timers' own transaction, and fails on subject 13."""
    seen: list[int] = []

    def handle(rows):
        if any(row["subject_id"] == 13 for row in rows):
            raise ValueError("subject 13 is bad")
        run("INSERT INTO schedule (name, last_run_at) SELECT 'fired ' || x, now() FROM unnest(%s::bigint[]) x",
            [[row["subject_id"] for row in rows]])  # fmt: skip
        seen.extend(row["subject_id"] for row in rows)

    monkeypatch.setitem(timers._handlers, ("probe", "ring"), handle)
    return seen


def test_due_timers_fire_once_and_later_ones_wait(house, fired):
    tenant = house.tenant()
    with worker_scope():
        arm("probe", "ring", [(tenant.id, n) for n in range(1, 6)], -1)
        arm("probe", "ring", [(tenant.id, 99)], 3600)
        arm("probe", "ring", [(tenant.id, 1)], 3600)
    assert timers.fire_due() == 5
    assert timers.fire_due() == 0
    assert sorted(fired) == [1, 2, 3, 4, 5]


def test_two_workers_never_fire_the_same_timer(house, fired):
    tenant = house.tenant()
    with worker_scope():
        arm("probe", "ring", [(tenant.id, n) for n in range(100, 600)], -1)

    def work():
        try:
            while timers.fire_due(50):
                pass
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with worker_scope():
        assert Timer.objects.filter(state="armed").count() == 0
        rows = run("SELECT count(*) AS n, count(DISTINCT name) AS names FROM schedule WHERE name LIKE 'fired %%'")
    assert rows == [{"n": 500, "names": 500}]


def test_one_bad_timer_is_set_aside_and_found_by_the_detector(house, fired):
    tenant = house.tenant()
    with worker_scope():
        arm("probe", "ring", [(tenant.id, n) for n in range(10, 18)], -1)
    timers.fire_due()
    assert sorted(fired) == [10, 11, 12, 14, 15, 16, 17]
    with worker_scope():
        (bad,) = Timer.objects.filter(state="stuck")
        assert (bad.subject_id, bad.error) == (13, "ValueError: subject 13 is bad")
        assert [row["id"] for row in stuck_subjects() if row["kind"] == "timer"] == [bad.id]


def test_a_cancelled_timer_does_not_fire(house, fired):
    tenant = house.tenant()
    with worker_scope():
        arm("probe", "ring", [(tenant.id, 1)], -1)
        assert cancel("probe", [1], "ring") == 1
    assert timers.fire_due() == 0
