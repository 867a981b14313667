"""The bank's file: many who ask at once pay nobody twice, and a file is the same for as long as it is asked for."""

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import connections
from test_payments import bank

from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.payments import bank_accounts, bank_files, limits, outgoing, sending
from pilothouse.kernel.payments.errors import NothingToFile
from pilothouse.kernel.payments.models import BankFile, Payout
from pilothouse.programs.deals import commands

pytestmark = pytest.mark.house
SMALL = 5_000_000
ASKERS = 6
MAKE = """
import os, signal, sys
import django
django.setup()
from pilothouse.site.programs import load_programs
load_programs()
from pilothouse.kernel.base.scope import ops_scope
from pilothouse.kernel.payments.bank_files import bank_file
with ops_scope("operator:ann"):
    bank_file()
    if sys.argv[1] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


def due_payout(market: Any) -> str:
    """A payout to the seller of a deal of its own, due."""
    deal = market.handed_over(SMALL)
    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
    with worker_scope("payouts"):
        outgoing.open_payouts()
        return Payout.objects.get(subject_ref=deal).public_id


def made(who: str = "operator:ann") -> str:
    with ops_scope(who):
        return bank_files.bank_file().public_id


def listed(file: str) -> list[str]:
    """The payouts of a file, as the bank reads it."""
    with ops_scope("operator:ann"):
        text = bank_files.bank_file_text(file)
    return [row["payout"] for row in csv.DictReader(io.StringIO(text))]


def at_once(act: Callable[[str], str]) -> list[str]:
    """What came of it, for each of six who do the same at one moment; empty for one who found nothing left."""
    start = Barrier(ASKERS)

    def one(number: int) -> str:
        try:
            start.wait(60)
            return act(f"operator:{number}")
        except NothingToFile:
            return ""
        finally:
            connections.close_all()

    with ThreadPoolExecutor(ASKERS) as pool:
        return list(pool.map(one, range(ASKERS)))


@pytest.mark.parametrize("rows", [2, limits.BANK_FILE_MAX_ROWS])
def test_six_at_once_share_no_payout_and_forget_none(market: Any, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(limits, "BANK_FILE_MAX_ROWS", rows)
    other = type(market)(market.house)
    payouts = [due_payout(each) for each in (market, market, market, other, other)]
    for each in (market, other):
        bank(each, "seller")
    files = [file for file in at_once(made) if file]
    in_files = [payout for file in files for payout in listed(file)]
    assert sorted(in_files) == sorted(payouts), "each once, of both markets"
    assert len(files) == -(-len(payouts) // rows)
    with ops_scope("operator:ann"), pytest.raises(NothingToFile):
        bank_files.bank_file()
    with ops_scope("operator:ann"):
        shown = bank_files.open_files(10)
        marks = {row.public_id: row.bank_file for row in Payout.objects.all()}
    assert {file.public_id: file.unsent for file in shown} == {file: len(listed(file)) for file in files}
    assert sum(file.amounts["MNT"] for file in shown) == 5 * 4_250_000
    assert marks == {payout: file for file in files for payout in listed(file)}


def test_a_file_is_the_same_whatever_happens_to_its_payouts(market: Any) -> None:
    """A changed bank account, a failure and a second file leave the first one as it was given to the bank."""
    payout = due_payout(market)
    bank(market, "seller")
    file = made()
    with ops_scope("operator:ann"):
        before = bank_files.bank_file_text(file)
    with market.scope("seller"):
        (old,) = bank_accounts.accounts_of(market.seller)
        bank_accounts.remove_account(market.seller, old.public_id)
        new = bank_accounts.name_account(
            market.seller, unit="MNT", holder="New", bank="Golomt", number="MN99 8888 7777"
        )
        bank_accounts.confirm_account(market.seller, new.public_id, "7777")
    market.pass_time(days=2)
    with worker_scope("operator:ann"):
        sent = outgoing.send(payout, reference="X", sent_by="operator:ann")
        assert sent.bank_account_id == old.id, "it went where the file says"
        outgoing.fail(payout, "account_closed")
        assert outgoing.account_of(Payout.objects.get()) == new
        again = outgoing.retry(payout)
        assert (again.bank_file, again.filed_at, again.filed_by, again.bank_account_id) == ("", None, "", None)
    second = made("operator:bat")
    assert second != file
    with ops_scope("operator:ann"):
        assert bank_files.bank_file_text(file) == before
        assert "MN9988887777" in bank_files.bank_file_text(second)
        assert [(each.public_id, each.filed_by) for each in bank_files.open_files(5)] == [(second, "operator:bat")]


def test_what_waits_for_a_second_operator_is_in_no_file(market: Any) -> None:
    payout = due_payout(market)
    bank(market, "seller")
    with market.house.admin() as admin:
        admin.execute(
            "INSERT INTO send_request (tenant, public_id, state, kind, subject, amount, unit, reference, asked_by,"
            " asked_at) SELECT tenant, 'srq_x', 'requested', 'payout', public_id, amount, unit, 'X', 'operator:bat',"
            " base.clock_now() FROM payout"
        )
    with ops_scope("operator:ann"):
        assert not bank_files.can_file()
        with pytest.raises(NothingToFile):
            bank_files.bank_file()
    with tenant_scope(market.tenant.id, "operator:bat"):
        sending.refuse_sending("srq_x", "Not sent after all")
    assert listed(made()) == [payout]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_beside_the_commit(market: Any, moment: str) -> None:
    """Killed before the commit nothing is in a file; killed after it, before it answered, the file is found again."""
    payout = due_payout(market)
    bank(market, "seller")
    killed = subprocess.run([sys.executable, "-c", MAKE, moment], env=market.house.env(), timeout=120)
    assert killed.returncode == -9
    with ops_scope("operator:ann"):
        found = bank_files.open_files(5)
    if moment == "before":
        assert found == []
        assert listed(made()) == [payout]
    else:
        assert listed(found[0].public_id) == [payout]
        with ops_scope("operator:ann"), pytest.raises(NothingToFile):
            bank_files.bank_file()


ATTACKS = {
    "out of its file while it is due": (
        "UPDATE payout SET bank_file = '', filed_at = NULL, filed_by = '' WHERE public_id = '{filed}'",
        "leaves its bank",
    ),
    "into another file": (
        "UPDATE payout SET bank_file = '{other}' WHERE public_id = '{filed}'",
        "leaves its bank",
    ),
    "its account changed behind the file": (
        "UPDATE payout SET bank_account_id = NULL WHERE public_id = '{filed}'",
        "leaves its bank",
    ),
    "its signer changed": ("UPDATE payout SET filed_by = 'x' WHERE public_id = '{filed}'", "leaves its bank"),
    "into a file that was written before": (
        "UPDATE payout SET bank_file = f.public_id, filed_at = f.filed_at, filed_by = f.filed_by, bank_account_id ="
        " (SELECT min(id) FROM bank_account) FROM bank_file f WHERE payout.public_id = '{due}'",
        "when the file is written",
    ),
    "into a file that is not there": (
        "UPDATE payout SET bank_file = 'bkf_x', filed_at = base.clock_now(), filed_by = 'x', bank_account_id ="
        " (SELECT min(id) FROM bank_account) WHERE public_id = '{due}'",
        "when the file is written",
    ),
    "due again and still in its file": (
        "UPDATE payout SET state = 'due' WHERE public_id = '{failed}'", "due again stands in no"
    ),
    "out of its file when it has only failed": (
        "UPDATE payout SET bank_file = '', filed_at = NULL, filed_by = '' WHERE public_id = '{failed}'",
        "leaves its bank",
    ),
    "a file rewritten": ("UPDATE bank_file SET sealed = 'x'", "append-only"),
    "a file removed": ("DELETE FROM bank_file", "append-only"),
}  # fmt: skip


def test_no_payout_is_led_into_two_files(market: Any) -> None:
    """Neither a web process nor a superuser takes a payout out of its file, and none of them puts one in unseen."""
    failed = due_payout(market)
    bank(market, "seller")
    other = made()
    with worker_scope("operator:ann"):
        outgoing.send(failed, reference="X", sent_by="operator:ann")
        outgoing.fail(failed, "refused")
    filed = due_payout(market)
    made()
    names = {"filed": filed, "failed": failed, "due": due_payout(market), "other": other}
    with worker_scope("test"):
        before = run("SELECT public_id, bank_file, bank_account_id, state FROM payout ORDER BY id")
    stood = []
    for user in ("ph_web", "postgres"):
        with market.house.connect(user) as attacker:
            if user == "ph_web":
                attacker.execute("SET ROLE ph_app")
                attacker.execute("SELECT set_config('app.tenant', %s, false)", [str(market.tenant.id)])
            for name, (statement, refusal) in ATTACKS.items():
                try:
                    attacker.execute(statement.format(**names))
                    stood.append(f"{user}: {name}")
                except psycopg.errors.InsufficientPrivilege:
                    if user == "postgres":
                        raise
                except psycopg.Error as refused:
                    if refusal not in str(refused):
                        stood.append(f"{user}: {name}: {refused}")
    assert stood == []
    with worker_scope("test"):
        assert run("SELECT public_id, bank_file, bank_account_id, state FROM payout ORDER BY id") == before
        assert BankFile.objects.count() == 2
