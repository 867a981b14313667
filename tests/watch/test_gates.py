"""Gates: who sees them, and what happens when several close one at once."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connections

from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.watch import gates
from pilothouse.kernel.watch.errors import Paused, TextNeeded
from pilothouse.kernel.watch.gates import close_gate, reopen_gate
from pilothouse.kernel.watch.queries import closed_gates, gate_predicate, refuse_if_paused

pytestmark = pytest.mark.house


def test_a_gate_over_one_tenant_refuses_only_that_tenant(house):
    one, two = house.tenant("One"), house.tenant("Two")
    with ops_scope("ada"):
        gate = close_gate("video", "We are looking into a wrong number.", tenant=one.id)
    with tenant_scope(one.id), pytest.raises(Paused) as refused:
        refuse_if_paused("video", one.id)
    assert (refused.value.status, refused.value.code) == (409, "paused")
    assert refused.value.details["gate"] == "no_new"
    assert refused.value.details["reason"] == "We are looking into a wrong number."
    with tenant_scope(two.id):
        refuse_if_paused("video", two.id)
        assert run("SELECT count(*) AS n FROM gate")[0]["n"] == 0
    with ops_scope("ada"):
        reopen_gate(gate["public_id"])
    with tenant_scope(one.id):
        refuse_if_paused("video", one.id)


def test_a_gate_over_everybody_is_seen_by_each_tenant_and_by_the_claim(house):
    one, two = house.tenant("One"), house.tenant("Two")
    with worker_scope():
        close_gate("video", "We are checking the pipeline.", mode="no_dispatch")
        close_gate("video", "Only one.", mode="no_dispatch", tenant=two.id)
    with tenant_scope(one.id):
        assert [gate["mode"] for gate in closed_gates("video", one.id)] == ["no_dispatch"]
    with worker_scope():
        predicate = gate_predicate("video", "t.id")
        assert run(f"SELECT count(*) AS n FROM tenant t WHERE {predicate}")[0]["n"] == 0
        other = gate_predicate("deals", "t.id")
        assert run(f"SELECT count(*) AS n FROM tenant t WHERE {other}")[0]["n"] == 2


def test_a_tenant_can_neither_close_nor_open_a_gate(house):
    tenant = house.tenant()
    with pytest.raises(Exception, match="permission denied"), tenant_scope(tenant.id):
        close_gate("video", "mine", tenant=tenant.id)
    with worker_scope():
        close_gate("video", "ours", tenant=tenant.id)
    with pytest.raises(Exception, match="permission denied"), tenant_scope(tenant.id):
        run("UPDATE gate SET opened_at = closed_at")


def test_many_close_one_gate_at_once(house):
    tenant = house.tenant()

    def close(number: int) -> int:
        try:
            with worker_scope():
                return close_gate("video", f"reason {number}", mode="no_dispatch", tenant=tenant.id)["id"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(close, range(24)))
    assert len(ids) == 1
    with worker_scope():
        assert run("SELECT count(*) AS n FROM gate")[0]["n"] == 1


def test_a_gate_needs_a_reason(house):
    with ops_scope("ada"), pytest.raises(TextNeeded):
        close_gate("video", "  ")


def test_whom_a_gate_holds_is_said_once_and_costs_nothing_to_ask(house):
    with worker_scope():
        plan = str(run(f"EXPLAIN SELECT FROM tenant t WHERE {gate_predicate('video', 't.id')}"))
    assert "on gate" in plan
    assert "Function Scan" not in plan
    source = Path(gates.__file__).parents[2]
    by_hand = [
        path.name for path in source.rglob("*.sql")
        if re.search(r"(FROM|JOIN)\s+gate\b", path.read_text(encoding="utf-8"))
        and not path.is_relative_to(Path(gates.__file__).parent)
    ]  # fmt: skip
    assert by_hand == []
