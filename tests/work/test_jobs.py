"""Coarse jobs: queued once, run with retries, given up in the end, and taken over from a dead worker."""

import asyncio

import pytest

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.work import jobs
from pilothouse.kernel.work.limits import JOB_ATTEMPTS_MAX_COUNT
from pilothouse.kernel.work.models import Job

pytestmark = pytest.mark.house


@pytest.fixture
def ran(monkeypatch):
    seen: list[object] = []

    def task(payload):
        if payload.get("bad"):
            raise RuntimeError("no disk")
        seen.append(payload["n"])
        return {"did": payload["n"]}

    monkeypatch.setitem(jobs._tasks, "probe", task)
    return seen


def work(pump=None):
    pump = pump or jobs.JobPump()
    rows = pump.claim(10)
    pump.finish([asyncio.run(pump.act(row)) for row in rows])
    return rows


def test_a_job_runs_once_and_keeps_its_result(house, ran):
    with worker_scope():
        jobs.queue("probe", {"n": 1}, unique="same")
        jobs.queue("probe", {"n": 2}, unique="same")
    assert len(work()) == 1
    assert work() == []
    with worker_scope():
        (job,) = Job.objects.all()
        assert (job.state, job.result, ran) == ("done", {"did": 1}, [1])


def test_a_failing_job_waits_and_is_given_up_at_last(house, ran):
    with worker_scope():
        jobs.queue("probe", {"bad": True})
    for attempt in range(1, JOB_ATTEMPTS_MAX_COUNT + 1):
        work()
        with worker_scope():
            (job,) = Job.objects.all()
            assert job.attempt == attempt
            assert "no disk" in job.error
            run("UPDATE job SET next_run_at = now() WHERE state = 'queued'")
    assert job.state == "failed"
    assert work() == []


def test_a_dead_workers_job_comes_back_and_its_late_end_changes_nothing(house, ran):
    with worker_scope():
        jobs.queue("probe", {"n": 7})
    pump = jobs.JobPump()
    (dead,) = pump.claim(10)
    assert pump.claim(10) == []
    with worker_scope():
        run("UPDATE job SET lease_until = now() - interval '1 second'")
    work()
    pump.finish([jobs.Outcome(dead, error="late")])
    with worker_scope():
        (job,) = Job.objects.all()
        assert (job.state, job.error) == ("done", "")


def test_one_of_many_workers_takes_the_turn(house):
    assert [jobs.take_turn("digest", 60) for _ in range(3)] == [True, False, False]
