"""Money in and out: every minor unit is in a named place, whatever is wrong with a payment or a payout."""

import csv
import io
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError

from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.payments import bank_accounts, bank_files, incoming, outgoing, sending
from pilothouse.kernel.payments.errors import (
    AmountsDoNotMatch,
    BankAccountMissing,
    NotPayable,
    PaymentKnown,
    SecondPersonNeeded,
)
from pilothouse.kernel.payments.models import Payment, Payout
from pilothouse.programs.deals import commands

pytestmark = pytest.mark.house
PRICE = 3_000_000_000


def pay(market: Any, reference: str, amount: int, unit: str = "MNT") -> str:
    with worker_scope("operator:ann"):
        return incoming.record_payment(
            market.tenant.id, source="bank", reference=reference, amount=amount, unit=unit
        ).public_id


def balances(market: Any, unit: str = "MNT") -> dict[str, int]:
    with worker_scope("test"):
        rows = run(
            "SELECT a.kind, sum(CASE WHEN t.credit = a.id THEN t.amount ELSE -t.amount END)::bigint AS n"
            " FROM account a JOIN transfer t ON a.id IN (t.debit, t.credit)"
            " WHERE a.tenant = %s AND a.unit = %s GROUP BY a.kind",
            [market.tenant.id, unit],
        )
    found = {row["kind"]: row["n"] for row in rows}
    assert sum(found.values()) == 0
    return found


def bank(market: Any, who: str, unit: str = "MNT") -> None:
    with market.scope(who):
        named = bank_accounts.name_account(
            market.people[who], unit=unit, holder=who.title(), bank="Khan Bank", number="MN12 0005 00 1234567"
        )
        bank_accounts.confirm_account(market.people[who], named.public_id, "4567")


def sent_by_two(ask: Callable[[], sending.Sent]) -> None:
    """One operator asks, another one approves."""
    with worker_scope("operator:ann"):
        asked = ask()
    with worker_scope("operator:bat"):
        sending.approve_sending(asked.request)


def test_the_same_reference_is_recorded_once(market: Any) -> None:
    assert pay(market, "A1", 500_00) == pay(market, "A1", 500_00)
    with pytest.raises(PaymentKnown):
        pay(market, "A1", 600_00)
    assert balances(market) == {"world_bank": -500_00, "suspense": 500_00}


def test_two_payments_that_sum_to_the_price(market: Any) -> None:
    deal = market.accepted(PRICE)
    first, second = pay(market, "A1", 1_000_000_000), pay(market, "A2", 2_000_000_000)
    with worker_scope("operator:ann"), pytest.raises(AmountsDoNotMatch):
        incoming.match([first], "deal", deal)
    with worker_scope("operator:ann"):
        assert incoming.match([first, second], "deal", deal) == 0
    assert market.deal(deal).state == "FUNDED"
    assert balances(market)["suspense"] == 0


def test_what_is_too_much_goes_back(market: Any) -> None:
    deal = market.accepted(PRICE)
    paid = pay(market, "A1", PRICE + 50_000_000)
    with worker_scope("operator:ann"):
        assert incoming.match([paid], "deal", deal) == 50_000_000
    assert balances(market)["suspense"] == 50_000_000
    with worker_scope("operator:ann"), pytest.raises(SecondPersonNeeded):
        incoming.send_back(paid, reference="B7", sent_by="ann")
    sent_by_two(lambda: sending.send_payment_back(paid, "B7"))
    with worker_scope("test"):
        assert Payment.objects.get(public_id=paid).state == "closed"
    assert balances(market)["suspense"] == 0
    with worker_scope("operator:ann"), pytest.raises(NotPayable):
        incoming.send_back(paid, reference="B8", sent_by="ann", approved_by="bat")


def test_late_money_waits_in_suspense(market: Any) -> None:
    deal = market.accepted(PRICE)
    market.pass_time(hours=24)
    paid = pay(market, "late", PRICE)
    with worker_scope("operator:ann"), pytest.raises(NotPayable):
        incoming.match([paid], "deal", deal)
    assert balances(market) == {"world_bank": -PRICE, "suspense": PRICE}


def test_the_wrong_currency_is_not_taken(market: Any) -> None:
    deal = market.accepted(PRICE)
    paid = pay(market, "A1", PRICE, "USD")
    with worker_scope("operator:ann"), pytest.raises(InvalidInput, match="paid in MNT"):
        incoming.match([paid], "deal", deal)


def test_a_payout_to_its_end(market: Any) -> None:
    deal = market.handed_over(PRICE)
    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
    with worker_scope("payouts"):
        assert outgoing.open_payouts() == 1
        assert outgoing.open_payouts() == 0, "one open payout for an account"
        payout = Payout.objects.get(subject_ref=deal)
    assert (payout.amount, payout.side, payout.person_id) == (2_550_000_000, "seller", market.seller)
    with worker_scope("operator:ann"), pytest.raises(BankAccountMissing):
        outgoing.send(payout.public_id, reference="X1", sent_by="ann", approved_by="bat")
    bank(market, "seller")
    with ops_scope("operator:ann"):
        rows = list(csv.DictReader(io.StringIO(bank_files.bank_file_text(bank_files.bank_file().public_id))))
    assert [(row["number"], row["amount_minor"]) for row in rows] == [("MN120005001234567", "2550000000")]
    sent_by_two(lambda: sending.send_payout(payout.public_id, "X1"))
    with worker_scope("operator:ann"):
        outgoing.fail(payout.public_id, "refused")
        outgoing.retry(payout.public_id)
    sent_by_two(lambda: sending.send_payout(payout.public_id, "X2"))
    assert balances(market)["payable"] == 2_550_000_000
    with worker_scope("operator:ann"):
        assert outgoing.confirm(payout.public_id).attempts == 2
    assert balances(market)["payable"] == 0
    market.pass_time(hours=48)
    with worker_scope("payouts"):
        assert outgoing.open_payouts() == 1, "the holdback is paid by the next one"


def test_an_approval_is_used_once_and_signed_by_who_acts(market: Any) -> None:
    deal = market.handed_over(PRICE)
    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
    bank(market, "seller")
    with worker_scope("payouts"):
        outgoing.open_payouts()
        payout = Payout.objects.get().public_id
    unsigned = "signs by approving"
    with pytest.raises(DatabaseError, match=unsigned), worker_scope("operator:ann"):
        outgoing.send(payout, reference="X1", sent_by="operator:ann", approved_by="operator:bat")
    with market.scope("operator:nobody"), pytest.raises(DatabaseError, match="signed by the operator who acts"):
        sending.send_payout(payout, "X1")
    sent_by_two(lambda: sending.send_payout(payout, "X1"))
    with worker_scope("operator:ann"):
        outgoing.fail(payout, "refused")
        outgoing.retry(payout)
    with pytest.raises(DatabaseError, match=unsigned), worker_scope("operator:ann"):
        outgoing.send(payout, reference="X1", sent_by="operator:ann", approved_by="operator:bat")
    for change, refusal in {
        "decided_by = 'operator:olga'": "append-only",
        "amount = 1": "permission denied",
        "state = 'requested'": "send_request",
    }.items():
        with pytest.raises(DatabaseError, match=refusal), worker_scope("test"):
            run(f"UPDATE send_request SET {change} RETURNING id")
    with worker_scope("test"):
        assert (Payout.objects.get().state, Payout.objects.get().attempts) == ("due", 1)


def test_a_changed_bank_account_waits_a_day(market: Any) -> None:
    bank(market, "seller")
    with market.scope("seller"):
        first = bank_accounts.usable_account(market.tenant.id, market.seller, "MNT")
        named = bank_accounts.name_account(
            market.seller, unit="MNT", holder="Thief", bank="Other", number="MN99 9999 9999"
        )
        with pytest.raises(InvalidInput):
            bank_accounts.confirm_account(market.seller, named.public_id, "0000")
        bank_accounts.confirm_account(market.seller, named.public_id, "9999")
        assert bank_accounts.usable_account(market.tenant.id, market.seller, "MNT") == first
    with market.scope("buyer"), pytest.raises(NotFound):
        bank_accounts.confirm_account(market.buyer, named.public_id, "9999")
    market.pass_time(hours=24)
    with market.scope("seller"):
        assert bank_accounts.usable_account(market.tenant.id, market.seller, "MNT") != first


@pytest.mark.parametrize(
    "change",
    ["UPDATE payment SET matched = amount + 1", "UPDATE payment SET amount = 1", "UPDATE payment SET state = 'closed'"],
)
def test_a_payment_cannot_be_bent(market: Any, change: str) -> None:
    pay(market, "A1", 500_00)
    with market.house.connect("ph_worker") as worker, pytest.raises(psycopg.Error):
        worker.execute(change)


def test_the_invariants_hold_and_see_a_plant(market: Any) -> None:
    from pilothouse.kernel.ledger.invariants import run_invariants
    from pilothouse.kernel.watch.checks import INVARIANT_FOLDERS
    from pilothouse.site.programs import load_programs

    load_programs()
    deal = market.funded(PRICE)
    pay(market, "A9", 700_00)

    def broken() -> set[str]:
        with worker_scope("check"):
            return {row["name"] for row in run_invariants(INVARIANT_FOLDERS) if row["rows"]}

    assert broken() == set()
    with market.house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payment SET matched = 100 WHERE external_ref = 'A9'")
        admin.execute("UPDATE deal SET to_seller = 100, in_escrow = in_escrow - 100 WHERE public_id = %s", [deal])
    assert {"payments_in_suspense", "deal_escrow_is_where_it_says"} <= broken()
