"""SIGKILL, SIGTERM and Ctrl-C of each process of a real tree in the middle of a batch: nothing is left running, the
next start is clean, and the interrupted batch completes with its equation."""

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from live_tree import LiveTree, cli, data_folder, fund, left_behind
from patience import until

from pilothouse.site.tree import running

pytestmark = pytest.mark.faults

ITEMS = 12
SLOW_UPSTREAM = {"VIDEO_PROVIDERS": "simulated:1", "SIMULATED_LATENCY_S": "1,6", "SIMULATED_REFUSED": "0.2"}
# A lease, the start of the processes on a busy machine, and the work itself.
COMPLETES_S = 60.0
NAMES = ("up", "web", "live", "worker", "postgres")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
EVERYDAY = {("up", signal.SIGKILL), ("worker", signal.SIGKILL)}
CASES = [
    pytest.param(
        name, number, id=f"{name}-{number.name}", marks=() if (name, number) in EVERYDAY else (pytest.mark.slow,)
    )
    for name in NAMES
    for number in SIGNALS
]


@pytest.fixture(scope="module")
def tree() -> Iterator[LiveTree]:
    """One data folder for all cases: each finds what the one before left, as a real machine would."""
    with data_folder() as data:
        live = LiveTree(data, CLAIM_LEASE_S="5", **SLOW_UPSTREAM).up()
        made = cli(data, "tenant", "create", "Northwind", "--json")
        live.tenant = json.loads(made.stdout)["tenant"]
        fund(data, live.tenant, 9_000)
        issued = cli(data, "key", "issue", live.tenant, "--rate-limit", "10000", "--json")
        live.key = json.loads(issued.stdout)["key"]
        yield live
        if not live.has_ended():
            live.stop()


def begin(tree: LiveTree, client: httpx.Client, request_id: str) -> str:
    """A batch in its middle: some items ended, some run."""
    items = [{"params": {"prompt": f"{request_id} {n}", "seconds": 1}, "metadata": {}} for n in range(ITEMS)]
    answer = client.post("/v1/batches", json={"request_id": request_id, "items": items})
    assert answer.status_code == 201, answer.text
    batch_id = str(answer.json()["batch_id"])

    def in_the_middle() -> bool:
        counts = client.get(f"/v1/batches/{batch_id}").json()["summary"]
        return 0 < counts["succeeded"] + counts["failed"] < ITEMS

    until(in_the_middle, COMPLETES_S)
    return batch_id


def completed(client: httpx.Client, batch_id: str) -> dict[str, Any] | None:
    batch: dict[str, Any] = client.get(f"/v1/batches/{batch_id}").json()
    return batch if batch["status"] == "completed" else None


@pytest.mark.parametrize(("name", "number"), CASES)
def test_in_the_middle_of_a_batch(tree: LiveTree, name: str, number: signal.Signals) -> None:
    if tree.has_ended():
        tree.up()
    with tree.client(tree.key) as client:
        batch_id = begin(tree, client, f"{name} {number.name} {time.monotonic()}")
    gentle = name == "up" and number != signal.SIGKILL
    tree.send(name, number)
    code = tree.end()
    assert code == (-signal.SIGKILL if (name, number) == ("up", signal.SIGKILL) else 0 if gentle else 1), tree.output()
    until(lambda: left_behind(tree.data) == [], 15)
    assert running(tree.data) is None
    # The next start needs no hand, and ends what was begun.
    tree.up()
    began = time.monotonic()
    with tree.client(tree.key) as client:
        batch = until(lambda: completed(client, batch_id), COMPLETES_S, 0.3)
        assert time.monotonic() - began < COMPLETES_S
        money, counts = batch["ledger"], batch["summary"]
        rows = client.get("/v1/ledger", params={"batch_id": batch_id, "limit": 200}).json()["rows"]
    assert money["reserved"] == ITEMS * 10 == money["settled"] + money["refunded"]
    assert (money["settled"], money["refunded"]) == (counts["succeeded"] * 10, counts["failed"] * 10)
    assert money["in_flight"] == 0
    moved = {kind: sum(row["amount"] for row in rows if row["type"] == kind) for kind in ("settle", "refund")}
    assert moved == {"settle": money["settled"], "refund": money["refunded"]}
    report = json.loads(cli(tree.data, "check", "--json").stdout)
    assert [each for each in report["invariants"] if each["rows"]] == []
    assert [kind for kind, each in report["promises"].items() if not each["ok"]] == []
    assert report["incidents"] == []
