"""Two who do the same with money at once, and one who acts on what was true a moment ago: it happens once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from test_payments import balances, bank, pay

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.invariants import run_invariants
from pilothouse.kernel.payments import incoming, outgoing, settlements
from pilothouse.kernel.payments.errors import NotPayable, PaymentKnown, ProcessorHoldsLess, RefundOnItsWay
from pilothouse.kernel.payments.models import Payment, Payout
from pilothouse.kernel.payments.refunds import order_refund
from pilothouse.kernel.watch.checks import INVARIANT_FOLDERS
from pilothouse.programs.deals import commands

pytestmark = pytest.mark.house
SMALL = 5_000_000


def at_once(*acts: Callable[[], Any]) -> list[str]:
    """Do these at the same moment, each as an operator of its own; what came of each, as `done` or its error code."""
    start = Barrier(len(acts))

    def one(numbered: tuple[int, Callable[[], Any]]) -> str:
        try:
            start.wait(20)
            with worker_scope(f"operator:{numbered[0]}"):
                numbered[1]()
        except PilothouseError as refused:
            return refused.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(one, enumerate(acts)))


def sound() -> None:
    with worker_scope("check"):
        assert [row for row in run_invariants(INVARIANT_FOLDERS) if row["rows"]] == []


def sent_payout(market: Any) -> Payout:
    deal = market.handed_over(SMALL)
    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
    bank(market, "seller")
    with worker_scope("operator:ann"):
        outgoing.open_payouts()
        return outgoing.send(Payout.objects.get().public_id, reference="X", sent_by="operator:ann")


def test_one_reference_is_recorded_once_by_many(market: Any) -> None:
    def record(amount: int = SMALL) -> Callable[[], Any]:
        given = {"source": "bank", "reference": "A1", "unit": "MNT"}
        return lambda: incoming.record_payment(market.tenant.id, amount=amount, **given)

    assert at_once(*[record()] * 4) == ["done"] * 4
    assert at_once(record(), record(1)) == ["done", PaymentKnown.code]
    with worker_scope("test"):
        assert Payment.objects.count() == 1
    assert balances(market) == {"world_bank": -SMALL, "suspense": SMALL}
    sound()


def test_one_payment_pays_one_of_two_deals(market: Any) -> None:
    deals = [market.accepted(SMALL), market.accepted(SMALL)]
    paid = pay(market, "A1", SMALL)
    told = at_once(*[lambda deal=deal: incoming.match([paid], "deal", deal) for deal in deals])  # type: ignore[misc]
    assert told == ["amounts_do_not_match", "done"]
    assert sorted(market.deal(deal).state for deal in deals) == ["AWAITING_FUNDS", "FUNDED"]
    sound()


def test_two_payments_pay_one_deal_once(market: Any) -> None:
    deal = market.accepted(SMALL)
    paid = [pay(market, name, SMALL) for name in ("A1", "A2")]
    told = at_once(*[lambda each=each: incoming.match([each], "deal", deal) for each in paid])  # type: ignore[misc]
    assert told == ["done", NotPayable.code]
    assert balances(market)["suspense"] == SMALL
    sound()


def test_matched_and_sent_back_at_once(market: Any) -> None:
    for turn in range(3):
        deal, paid = market.accepted(SMALL), pay(market, f"A{turn}", SMALL)
        told = at_once(
            lambda deal=deal, paid=paid: incoming.match([paid], "deal", deal),  # type: ignore[misc]
            lambda paid=paid: incoming.send_back(paid, reference="B", sent_by="operator:1"),  # type: ignore[misc]
        )
        assert told.count("done") == 1
    assert balances(market)["suspense"] == 0
    sound()


def test_two_operators_confirm_one_payout(market: Any) -> None:
    payout = sent_payout(market)
    told = at_once(*[lambda: outgoing.confirm(payout.public_id)] * 3)
    assert told == ["done", "transition_refused", "transition_refused"]
    assert balances(market)["payable"] == 0
    sound()


def test_one_confirms_and_one_says_that_it_failed(market: Any) -> None:
    payout = sent_payout(market)
    told = at_once(lambda: outgoing.confirm(payout.public_id), lambda: outgoing.fail(payout.public_id, "refused"))
    assert told == ["done", "transition_refused"]
    with worker_scope("test"):
        state = Payout.objects.get().state
    assert (state, balances(market)["payable"]) in (("confirmed", 0), ("failed", payout.amount))
    sound()


def test_workers_make_one_payout_of_what_is_owed(market: Any) -> None:
    deal = market.handed_over(SMALL)
    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
    assert at_once(*[outgoing.open_payouts] * 4) == ["done"] * 4
    with worker_scope("test"):
        assert Payout.objects.count() == 1
    sound()


def test_a_worker_that_looked_before_the_confirmation_makes_no_second_payout(market: Any) -> None:
    """Its look at what is owed is older than the payout that paid it."""
    payout = sent_payout(market)
    stale = {
        "tenant": [payout.tenant_id], "public_id": ["out_late"], "subject_kind": ["deal"], "ref": [payout.subject_ref],
        "side": ["seller"], "person": [market.seller], "account": [payout.account], "amount": [payout.amount],
        "unit": ["MNT"], "due_s": 60,
    }  # fmt: skip
    with worker_scope("operator:ann"):
        outgoing.confirm(payout.public_id)
    with worker_scope("late worker"):
        assert outgoing.SQL.rows("create_payouts", **stale) == []
    market.pass_time(hours=48)
    with worker_scope("late worker"):
        assert len(outgoing.SQL.rows("create_payouts", **stale)) == 1
        assert Payout.objects.get(public_id="out_late").amount == SMALL - payout.amount, "what is owed, not what it saw"
    sound()


def test_a_payment_on_its_way_back_goes_nowhere_else(market: Any) -> None:
    deal = market.accepted(SMALL)
    with worker_scope("operator:ann"):
        paid = incoming.record_payment(market.tenant.id, source="stripe", reference="pi_1", amount=SMALL, unit="MNT")
        (locked,) = incoming.lock_payments([paid.public_id])
        order_refund(locked, "wrong", sent_by="operator:ann")
    with worker_scope("operator:ann"), pytest.raises(RefundOnItsWay):
        incoming.match([paid.public_id], "deal", deal)
    with worker_scope("operator:ann"), pytest.raises(RefundOnItsWay):
        incoming.send_back(paid.public_id, reference="B", sent_by="operator:ann")
    sound()


def test_the_processor_pays_out_what_it_holds_once(market: Any) -> None:
    with worker_scope("operator:ann"):
        incoming.record_payment(market.tenant.id, source="stripe", reference="pi_1", amount=1_000, unit="JPY")

    def settle(amount: int, fees: int, reference: str) -> Callable[[], Any]:
        given = {"amount": amount, "fees": fees, "reference": reference, "unit": "JPY"}
        return lambda: settlements.record_settlement(market.tenant.id, **given)

    assert at_once(*[settle(600, 20, "po_1")] * 3) == ["done"] * 3
    assert at_once(settle(600, 20, "po_1"), settle(601, 20, "po_1")) == ["done", PaymentKnown.code]
    assert at_once(settle(380, 0, "po_2"), settle(380, 0, "po_3")) == ["done", ProcessorHoldsLess.code]
    assert balances(market, "JPY") == {"suspense": 1_000, "world_bank": -980, "world_psp": 0, "processor_fees": -20}
    with worker_scope("test"):
        assert settlements.held_by_processor(market.tenant.id, "JPY") == 0
        assert run("SELECT count(*) AS n FROM processor_settlement") == [{"n": 2}]
    sound()
