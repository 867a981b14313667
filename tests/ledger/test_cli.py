"""The ledger from the command line; the seals in processes of their own, as a scheduler of the host starts them."""

import json
import subprocess
import sys

import pytest
from command_line import said
from ledger_world import World, wait_for_horizon

from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.queries import entry_id

pytestmark = pytest.mark.house


def cli(*arguments, code=0, typed=""):
    done = said(*arguments, typed=typed)
    assert done.code == code, done.out + done.err
    return done.out + done.err


@pytest.fixture
def process(house, tmp_path):
    def call(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "pilothouse.site.cli", *arguments],
            env=house.env(SEAL_HEAD_FOLDER=str(tmp_path / "heads")), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def test_grant_says_what_it_did_and_is_never_doubled(house):
    tenant = house.tenant().public_id
    wanted = ["grant", tenant, "100", "--description", "Enterprise Pilot - Northwind", "--json"]
    first = json.loads(cli(*wanted))
    assert (first["available"], first["replayed"]) == (100, False)
    again = json.loads(cli(*wanted))
    assert (again["available"], again["replayed"], again["entry"]) == (100, True, first["entry"])
    assert json.loads(cli("grant", tenant, "50", *wanted[3:], code=1))["error"]["code"] == "idempotency_conflict"
    assert "no account ten_nobody" in cli("grant", "ten_nobody", "5", "--description", "x", code=1)
    assert "second operator" in cli("grant", tenant, "901", "--description", "large", code=1)
    assert json.loads(cli("grant", tenant, "9000", "--description", "try", "--test", "--json"))["available"] == 9000


def test_an_amount_below_zero_is_refused_as_an_amount(house):
    tenant = house.tenant().public_id
    for words in (
        ["grant", tenant, "-5", "--description", "x"],
        ["grant", "add", "--description", "x", tenant, "-5"],
        ["grant", tenant, "--description", "-5", "--test", "-5"],
        ["grant", tenant, "--description", "x", "--", "-5"],
    ):
        assert "grant_refused: A grant is between 1 and 1000000 credits, not -5." in cli(*words, code=1)
    assert "No such option: --descripton" in cli("grant", tenant, "5", "--descripton", "x", code=2)


def test_a_large_grant_waits_for_the_password_of_a_second_operator(house):
    tenant = house.tenant().public_id
    with worker_scope("test"):
        for name in ("ann", "bob"):
            add_operator(f"{name}@house.example", "operator", name, f"the password of {name}")
    large = ["grant", tenant, "1001", "--description", "large", "--as", "ann@house.example", "--json"]
    asked = json.loads(cli(*large))
    assert (asked["state"], asked["available"], asked["entry"]) == ("requested", 0, None)
    assert json.loads(cli(*large))["request"] == asked["request"]
    assert asked["request"] in cli("grant", "list")
    approve = ["grant", "approve", asked["request"], "--as"]
    assert "another operator" in cli(*approve, "ann@house.example", code=1, typed="the password of ann\n")
    assert "right password" in cli(*approve, "bob@house.example", code=1, typed="the password of ann\n")
    assert "operator's account" in cli(*approve, "eve@house.example", code=1, typed="x\n")
    assert "1001 available" in cli(*approve, "bob@house.example", typed="the password of bob\n")
    with worker_scope("test"):
        (row,) = run("SELECT tenant, id, actor FROM journal WHERE description = 'large'")
        entry = entry_id(row["tenant"], row["id"])
    assert row["actor"] == "operator:ann@house.example, approved by operator:bob@house.example"
    reverse = ["ledger", "reverse", entry, "--reason", "the contract ended"]
    assert "second operator" in cli(*reverse, code=1)
    back = json.loads(cli(*reverse, "--as", "bob@house.example", "--json"))
    assert (back["state"], back["available"]) == ("requested", 1001)
    no = ["grant", "refuse", back["request"], "--as", "ann@house.example", "--reason", "it did not"]
    assert "were refused" in cli(*no)


def test_a_small_grant_is_taken_back_once(house):
    tenant = house.tenant().public_id
    entry = json.loads(cli("grant", tenant, "70", "--description", "a mistake", "--json"))["entry"]
    first = json.loads(cli("ledger", "reverse", entry, "--reason", "a mistake", "--json"))
    assert (first["available"], first["replayed"]) == (0, False)
    again = json.loads(cli("ledger", "reverse", entry, "--reason", "again", "--json"))
    assert (again["entry"], again["replayed"]) == (first["entry"], True)
    for number in ("jrn_999", "1", "7 or 8"):
        assert "no ledger entry" in cli("ledger", "reverse", number, "--reason", "x", code=1)


def test_statement_and_export(house, tmp_path):
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
    earlier = (tmp_path / "one.csv").read_bytes()
    refused = ("ledger", "export", tenant.public_id, "--type", "theft", "--out", str(tmp_path / "one.csv"))
    assert "not 'theft'" in cli(*refused, code=1)
    assert (tmp_path / "one.csv").read_bytes() == earlier, "a refusal leaves the file that was there"
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".csv", ".csv", ".xlsx", ".xlsx"]
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "two.csv")
    cli("ledger", "export", tenant.public_id, "--out", str(link))
    assert link.is_symlink(), "what stands for another file, as /dev/stdout does, is written through"
    assert (tmp_path / "two.csv").read_bytes().startswith(b"id,created_at")


@pytest.mark.tamper
def test_seal_and_verify(house, process):
    tenant = house.tenant()
    World.open(tenant.id, 100)
    wait_for_horizon()
    sealed = json.loads(process("ledger", "seal", "--json"))
    assert (sealed["blocks"], sealed["rows"]) == (1, 1)
    assert "as it was sealed" in process("ledger", "verify-seals")
    with house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE transfer SET amount = 1000000")
    body = json.loads(process("ledger", "verify-seals", "--json", code=1))
    assert body["broken"] == [{"tenant": tenant.public_id, "stream": "ledger", "block": 1, "problem": "rows_changed"}]
