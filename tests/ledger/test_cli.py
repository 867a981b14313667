"""The ledger from the command line, in processes of its own."""

import json
import subprocess
import sys

import pytest
from ledger_world import World, wait_for_horizon

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run

pytestmark = pytest.mark.house


@pytest.fixture
def cli(house, tmp_path):
    def call(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "pilothouse.site.cli", *arguments],
            env=house.env(SEAL_HEAD_FOLDER=str(tmp_path / "heads")), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def test_grant_says_what_it_did_and_is_never_doubled(house, cli):
    tenant = house.tenant().public_id
    wanted = ["grant", tenant, "100", "--description", "Enterprise Pilot - Northwind", "--json"]
    first = json.loads(cli(*wanted))
    assert (first["available"], first["replayed"]) == (100, False)
    again = json.loads(cli(*wanted))
    assert (again["available"], again["replayed"], again["entry"]) == (100, True, first["entry"])
    assert json.loads(cli("grant", tenant, "50", *wanted[3:], code=2))["error"]["code"] == "idempotency_conflict"
    assert "no tenant" in cli("grant", "ten_nobody", "5", "--description", "x", code=2)
    large = ["grant", tenant, "1001", "--description", "large", "--by", "ann"]
    assert "second person" in cli(*large, code=2)
    assert "second person" in cli(*large, "--approved-by", "ann", code=2)
    assert "1101 available" in cli(*large, "--approved-by", "bob")
    with worker_scope("test"):
        assert run("SELECT actor FROM journal WHERE description = 'large'") == [{"actor": "ann, approved by bob"}]


def test_statement_and_export(house, cli, tmp_path):
    tenant = house.tenant()
    World.open(tenant.id, 100).batch("bat_1", 1, 10, 9)
    period = ["--from", "2020-01-01", "--to", "2100-01-01"]
    body = json.loads(cli("ledger", "statement", tenant.public_id, *period, "--json"))
    assert (body["opening"]["available"], body["closing"]["available"], body["rows"]) == (0, 10, 4)
    for name in ("one.csv", "two.csv", "one.xlsx", "two.xlsx"):
        cli("ledger", "statement", tenant.public_id, *period, "--cut", body["cut"], "--out", str(tmp_path / name))
    for ending in ("csv", "xlsx"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    exported = cli("ledger", "export", tenant.public_id, "--type", "settle", "--batch", "bat_1")
    assert exported.splitlines()[1].split(",")[3:7] == ["settle", "Settled (success)", "batch_item", "bat_1"]
    assert "not 'theft'" in cli("ledger", "export", tenant.public_id, "--type", "theft", code=2)


@pytest.mark.tamper
def test_seal_and_verify(house, cli):
    tenant = house.tenant()
    World.open(tenant.id, 100)
    wait_for_horizon()
    sealed = json.loads(cli("ledger", "seal", "--json"))
    assert (sealed["blocks"], sealed["rows"]) == (1, 1)
    assert "as it was sealed" in cli("ledger", "verify-seals")
    with house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE transfer SET amount = 1000000")
    body = json.loads(cli("ledger", "verify-seals", "--json", code=1))
    assert body["broken"] == [{"tenant": tenant.public_id, "stream": "ledger", "block": 1, "problem": "rows_changed"}]
