"""The database goes away under a running web and worker: answers say so, nothing is lost, and all of it recovers."""

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from own_server import Hosts, OwnServer, body, own_server
from patience import until

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with own_server() as server:
        made = Hosts(server, server.database.data)
        try:
            made.start(workers=2)
            yield made
        finally:
            for process in made.processes:
                print(process.output[-3000:])
            made.end()


@pytest.fixture
def server(hosts: Hosts) -> OwnServer:
    return hosts.server


def complete(hosts: Hosts, patience_s: float = 90) -> None:
    until(lambda: hosts.server.rows("SELECT count(*) FROM batch WHERE state <> 'completed'") == [(0,)], patience_s, 0.3)


def prove(hosts: Hosts) -> None:
    """Every item ended once, every batch told once, and check finds nothing."""
    rows = hosts.server.rows
    assert rows(
        "SELECT count(*) FROM item WHERE state NOT IN ('succeeded', 'refunded') OR stuck_error IS NOT NULL"
    ) == [(0,)]
    assert rows("SELECT count(*) FROM timer WHERE state = 'stuck'") == [(0,)]
    ends = rows("SELECT (SELECT count(*) FROM item), count(*), count(DISTINCT item) FROM transfer"
                " WHERE kind IN ('settle', 'refund')")  # fmt: skip
    assert len(set(ends[0])) == 1
    assert rows("SELECT count(*) FROM batch WHERE reserved <> settled + refunded") == [(0,)]
    assert rows("SELECT count(*), count(DISTINCT subject_id) FROM message WHERE type = 'batch.completed'") == rows(
        "SELECT count(*), count(*) FROM batch"
    )
    report: dict[str, Any] = hosts.command_any("check", "--json")
    assert [each for each in report["invariants"] if each["rows"]] == []
    assert [name for name, each in report["promises"].items() if not each["ok"]] == []
    assert report["incidents"] == []


def test_away_for_some_seconds(hosts: Hosts, server: OwnServer) -> None:
    with hosts.client() as client:
        made = client.post("/v1/batches", json=body("before", 20))
        assert made.status_code == 201, made.text
        until(lambda: server.rows("SELECT count(*) > 2 FROM item WHERE state = 'succeeded'") == [(True,)])
        server.stop()
        away = time.monotonic()
        for ask in (
            lambda: client.get("/v1/credits/balance"),
            lambda: client.get(f"/v1/batches/{made.json()['batch_id']}"),
            lambda: client.post("/v1/batches", json=body("while away")),
        ):
            began = time.monotonic()
            answer = ask()
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["error"]["code"] == "unavailable"
            assert time.monotonic() - began < 6, "a caller must not wait for a database that is away"
        assert hosts.answer(client, "/healthz") == 200
        assert hosts.answer(client, "/readyz") == 503
        time.sleep(max(0.0, 4 - (time.monotonic() - away)))
        server.start()
        back = time.monotonic()
        until(lambda: hosts.answer(client, "/v1/credits/balance") == 200, 10)
        again = client.post("/v1/batches", json=body("while away"))
        assert again.status_code == 201, again.text
    complete(hosts)
    assert time.monotonic() - back < 60
    prove(hosts)
    assert all(process.process.poll() is None for process in hosts.processes)


@pytest.mark.slow
def test_killed_again_and_again_under_load(hosts: Hosts, server: OwnServer) -> None:
    moments = random.Random(7)
    accepted = 0
    with hosts.client() as client:
        for round_number in range(4):
            for n in range(3):
                name = f"load {round_number}.{n}"
                until(lambda name=name: client.post("/v1/batches", json=body(name, 40)).status_code in (200, 201), 30)
                accepted += 1
            time.sleep(moments.uniform(0.3, 4.0))
            server.kill()
            time.sleep(moments.uniform(0.0, 2.0))
            server.start()
    complete(hosts, 200)
    assert server.rows("SELECT count(*) FROM batch WHERE request_id LIKE 'load %'") == [(accepted,)]
    prove(hosts)
    assert all(process.process.poll() is None for process in hosts.processes)


@pytest.mark.slow
def test_the_worker_answers_a_kill_of_the_server_in_the_middle_of_a_batch(hosts: Hosts, server: OwnServer) -> None:
    with hosts.client() as client:
        assert client.post("/v1/batches", json=body("cut", 30)).status_code == 201
        until(lambda: server.rows("SELECT count(*) > 5 FROM item i JOIN batch b ON b.id = i.batch"
                                  " WHERE b.request_id = 'cut' AND i.state = 'succeeded'") == [(True,)])  # fmt: skip
    server.kill()
    server.start()
    complete(hosts)
    prove(hosts)
