"""Card payments: a checkout, its signed events over the real door, and money that goes back by itself."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from deal_world import JP
from django.db import connections
from django.test import Client
from stripe_house import event, paid_session, signed
from test_payments import balances

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.payments import incoming, sending
from pilothouse.kernel.payments.checkouts import create_checkout, expire_checkouts
from pilothouse.kernel.payments.errors import (
    CardsNotSetUp,
    NotPayable,
    PaymentMethodLimit,
    ProcessorUnreachable,
    SecondPersonNeeded,
)
from pilothouse.kernel.payments.models import Chargeback, Checkout, Payment, ProcessorEvent, Refund
from pilothouse.kernel.payments.processor_events import run_events
from pilothouse.kernel.payments.refunds import order_refund, run_refunds
from pilothouse.programs.deals import commands

pytestmark = pytest.mark.house
PRICE = 80_000


def checkout_of(market: Any, deal: str) -> Checkout:
    return create_checkout(
        market.tenant.id, "deal", deal, person=market.buyer, actor="user:buyer",
        success_url="https://market.example/done", cancel_url="https://market.example/back",
    )  # fmt: skip


def deliver(payload: bytes, **signing: Any) -> Any:
    return knock(payload, {"Stripe-Signature": signed(payload, **signing)})


def knock(payload: bytes, headers: dict[str, str]) -> Any:
    return Client().post("/v1/stripe/webhook", payload, content_type="application/json", headers=headers)


def outcomes() -> list[str]:
    with worker_scope("test"):
        return list(ProcessorEvent.objects.order_by("id").values_list("outcome", flat=True))


def paid(market: Any, deal: str, number: int = 1, intent: str = "pi_1", **other: Any) -> Checkout:
    checkout = checkout_of(market, deal)
    told = deliver(event(number, "checkout.session.completed", paid_session(checkout, intent, **other)))
    assert told.status_code == 200
    run_events()
    return checkout


def test_a_card_pays_a_deal_once(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    first, again = checkout_of(market, deal), checkout_of(market, deal)
    assert first.url == again.url
    (order,) = stripe_house.orders
    assert order[1]["line_items[0][price_data][unit_amount]"] == str(PRICE)
    assert order[1]["line_items[0][price_data][currency]"] == "jpy"
    assert order[1]["client_reference_id"] == first.public_id
    payload = event(1, "checkout.session.completed", paid_session(first))
    assert [deliver(payload).json() for _ in range(2)] == [{"ok": True, "known": False}, {"ok": True, "known": True}]
    assert market.deal(deal).state == "AWAITING_FUNDS", "the door only keeps it"
    assert run_events() == 1
    assert run_events() == 0
    assert market.deal(deal).state == "FUNDED"
    assert deliver(event(2, "checkout.session.async_payment_succeeded", paid_session(first))).status_code == 200
    run_events()
    assert outcomes() == [f"paid {deal}", "known"]
    assert balances(market, "JPY") == {"world_psp": -PRICE, "suspense": 0, "escrow": PRICE}
    with worker_scope("test"):
        assert "payer@example.com" not in str(list(ProcessorEvent.objects.values_list("facts", flat=True)))


def test_twin_deliveries_and_twin_workers(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    payload = event(1, "checkout.session.completed", paid_session(checkout_of(market, deal)))

    def twin(call: Any) -> Any:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: twin(lambda: deliver(payload).json()["known"]), range(4)))
        assert sorted(answers) == [False, True, True, True]
        list(pool.map(lambda _: twin(run_events), range(4)))
    assert market.deal(deal).state == "FUNDED"
    with worker_scope("test"):
        assert Payment.objects.count() == 1


def test_what_the_processor_did_not_sign_is_refused(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    payload = event(1, "checkout.session.completed", paid_session(checkout_of(market, deal)))
    for refused in (
        deliver(payload, secret="whsec_other"),
        deliver(payload, at=time.time() - 3_600),
        knock(payload, {}),
        knock(payload + b" ", {"Stripe-Signature": signed(payload)}),
    ):
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "signature_invalid")
    assert outcomes() == []


def test_a_signed_body_of_another_shape_is_refused(market: Any, stripe_house: Any) -> None:
    for body in (b"[]", b"{}", b'{"id": 7, "type": "x", "data": {"object": {}}}', b"\xff", b'"evt"'):
        assert 400 <= deliver(body).status_code < 500, body
    assert outcomes() == []


def test_a_late_payment_goes_back_by_itself(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    checkout = checkout_of(market, deal)
    market.pass_time(hours=24)
    with pytest.raises(NotPayable):
        checkout_of(market, deal)
    deliver(event(1, "checkout.session.completed", paid_session(checkout)))
    run_events()
    assert balances(market, "JPY") == {"world_psp": -PRICE, "suspense": PRICE}
    stripe_house.lose_answers = 3
    run_refunds()
    assert balances(market, "JPY")["suspense"] == PRICE, "no answer, no money moved"
    market.pass_time_without_firing(hours=1)
    assert run_refunds() == 1
    assert len(stripe_house.refunds) == 1, "one refund, whatever was lost"
    assert balances(market, "JPY") == {"world_psp": 0, "suspense": 0}
    assert market.deal(deal).state == "EXPIRED"


def test_a_second_payment_of_a_paid_deal_goes_back(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    first = checkout_of(market, deal)
    with market.scope("buyer"):
        run("UPDATE checkout SET state = 'expired' WHERE id = %s", [first.id])
    second = checkout_of(market, deal)
    assert second.public_id != first.public_id
    for number, checkout in enumerate((second, first)):
        deliver(event(number, "checkout.session.completed", paid_session(checkout, f"pi_{number}")))
    run_events()
    stripe_house.refund_status = "pending"
    run_refunds()
    assert balances(market, "JPY") == {"world_psp": -2 * PRICE, "suspense": PRICE, "escrow": PRICE}
    next(iter(stripe_house.refunds.values()))["status"] = "succeeded"
    deliver(event(9, "refund.updated", {"id": "re_1", "object": "refund", "status": "succeeded"}))
    run_events()
    run_refunds()
    assert balances(market, "JPY") == {"world_psp": -PRICE, "suspense": 0, "escrow": PRICE}
    deliver(event(10, "refund.failed", {"id": "re_1", "object": "refund", "status": "failed"}))
    run_events()
    assert balances(market, "JPY")["suspense"] == PRICE, "what came back after all waits for an operator"


def test_a_refused_refund_is_sent_by_the_bank(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    paid(market, deal)
    strange = Checkout(public_id="chk_none", session_id="cs_none", amount=PRICE, unit="JPY")
    deliver(event(5, "checkout.session.completed", paid_session(strange, "pi_9")))
    run_events()
    assert outcomes()[-1] == "no checkout of ours"
    with worker_scope("operator:ann"):
        late = incoming.record_payment(market.tenant.id, source="stripe", reference="pi_5", amount=5_000, unit="JPY")
        assert sending.send_payment_back(late.public_id).state == "ordered"
    stripe_house.refuse_refunds = "charge_already_refunded"
    run_refunds()
    with worker_scope("operator:ann"):
        refund = Refund.objects.get()
        assert (refund.state, refund.failure) == ("failed", "charge_already_refunded")
        assert refund.due_at is not None
        assert sending.send_payment_back(late.public_id, "B-77").state == "sent"
        assert Refund.objects.get().state == "given_up"
    assert balances(market, "JPY")["suspense"] == 0
    assert balances(market, "JPY")["world_bank"] == 5_000


def test_a_chargeback_leaves_the_deal_alone_and_tells_people(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    paid(market, deal)
    dispute = {
        "id": "dp_1", "object": "dispute", "amount": PRICE, "currency": "jpy", "payment_intent": "pi_1",
        "reason": "fraudulent", "status": "needs_response",
    }  # fmt: skip
    deliver(event(2, "charge.dispute.created", dispute))
    deliver(event(3, "charge.dispute.created", dispute))
    run_events()
    assert market.deal(deal).state == "FUNDED"
    assert balances(market, "JPY") == {"world_psp": 0, "suspense": -PRICE, "escrow": PRICE}
    with worker_scope("test"):
        made = Chargeback.objects.get()
        incidents = run("SELECT kind, severity, tenant FROM incident")
    assert incidents == [{"kind": "chargeback", "severity": "P1", "tenant": market.tenant.id}]
    deliver(event(4, "charge.dispute.closed", {**dispute, "status": "won"}))
    run_events()
    with worker_scope("test"):
        assert Chargeback.objects.get(id=made.id).state == "won"
    assert balances(market, "JPY") == {"world_psp": -PRICE, "suspense": 0, "escrow": PRICE}


def test_a_lost_chargeback_is_written_off_once(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    paid(market, deal)
    dispute = {
        "id": "dp_1", "object": "dispute", "amount": PRICE, "currency": "jpy", "payment_intent": "pi_1",
        "reason": "fraudulent", "status": "lost",
    }  # fmt: skip
    for number in (2, 3):
        deliver(event(number, "charge.dispute.closed", dispute))
    run_events()
    assert market.deal(deal).state == "FUNDED"
    assert balances(market, "JPY") == {"world_psp": 0, "suspense": 0, "escrow": PRICE, "chargeback_loss": -PRICE}
    with worker_scope("test"):
        assert Chargeback.objects.get().state == "lost"


def test_a_chargeback_that_is_told_before_its_payment_waits_for_it(market: Any, stripe_house: Any) -> None:
    dispute = {"id": "dp_1", "object": "dispute", "amount": PRICE, "currency": "jpy", "payment_intent": "pi_1"}
    strange = {**dispute, "id": "dp_2", "payment_intent": "pi_of_another_shop"}
    deliver(event(2, "charge.dispute.created", {**dispute, "status": "needs_response"}))
    deliver(event(3, "charge.dispute.created", {**strange, "status": "needs_response"}))
    deliver(event(4, "charge.dispute.closed", {**dispute, "status": "lost"}))
    assert (run_events(), run_events()) == (3, 0)
    assert outcomes() == ["no payment of ours"] * 3
    deal = market.accepted(PRICE, JP)
    paid(market, deal)
    assert run_events() == 0
    with worker_scope("test"):
        made = Chargeback.objects.get()
    assert made.state == "lost"
    assert outcomes() == [made.public_id, "no payment of ours", f"{made.public_id} lost", f"paid {deal}"]
    assert balances(market, "JPY") == {"world_psp": 0, "suspense": 0, "escrow": PRICE, "chargeback_loss": -PRICE}


def test_a_card_takes_no_car(market: Any, stripe_house: Any) -> None:
    with pytest.raises(PaymentMethodLimit):
        checkout_of(market, market.accepted(3_000_000_000))
    assert stripe_house.orders == []


def test_a_lost_answer_is_one_session(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    stripe_house.lose_answers = 3
    with pytest.raises(ProcessorUnreachable):
        checkout_of(market, deal)
    with worker_scope("test"):
        lost = Checkout.objects.get()
    assert lost.session_id is None
    deliver(event(1, "checkout.session.completed", paid_session(lost)))
    run_events()
    assert market.deal(deal).state == "FUNDED", "its event finds the row by our own id"
    assert len(stripe_house.sessions) == 1


def test_a_checkout_ends_and_is_paid_late(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    checkout = checkout_of(market, deal)
    with market.house.admin() as admin:
        admin.execute("UPDATE checkout SET expires_at = now() - interval '1 minute'")
    with worker_scope("payouts"):
        assert expire_checkouts() == 1
        assert expire_checkouts() == 0
    deliver(event(1, "checkout.session.completed", paid_session(checkout)))
    run_events()
    assert market.deal(deal).state == "FUNDED", "late at the processor, in time for the deal"


def test_an_unpaid_session_waits(market: Any, stripe_house: Any) -> None:
    deal = market.accepted(PRICE, JP)
    paid(market, deal, payment_status="unpaid")
    assert (market.deal(deal).state, outcomes()) == ("AWAITING_FUNDS", ["the money is on its way"])


def test_a_step_that_fails_is_tried_again_and_then_told(market: Any, stripe_house: Any, monkeypatch: Any) -> None:
    deal = market.accepted(PRICE, JP)
    checkout = checkout_of(market, deal)
    monkeypatch.setattr("pilothouse.kernel.payments.limits.EVENT_RETRY_S", 0)
    fund = commands.fund
    calls = []

    def broken(*given: Any) -> None:
        calls.append(given)
        if len(calls) < 3:
            raise RuntimeError("the step broke after the money was recorded")
        fund(*given)

    monkeypatch.setattr("pilothouse.programs.deals.payment.fund", broken)
    deliver(event(1, "checkout.session.completed", paid_session(checkout)))
    run_events(limit=2)
    assert len(calls) == 2
    assert balances(market, "JPY") == {}, "half a step is no step"
    run_events()
    assert market.deal(deal).state == "FUNDED"
    monkeypatch.setattr("pilothouse.kernel.payments.processor_events.HANDLERS", {"x": lambda _facts: 1 / 0})
    deliver(event(2, "x", {"id": "y"}))
    run_events()
    with worker_scope("test"):
        assert [row["kind"] for row in run("SELECT kind FROM incident")] == ["stuck_subject"]
        assert ProcessorEvent.objects.filter(handled_at=None).count() == 0


def test_without_keys_there_are_no_cards(market: Any) -> None:
    with pytest.raises(CardsNotSetUp):
        checkout_of(market, market.accepted(PRICE, JP))
    assert Client().post("/v1/stripe/webhook", b"{}", content_type="application/json").status_code == 409


def test_a_large_card_payment_takes_two_to_send_back(market: Any, stripe_house: Any) -> None:
    with worker_scope("operator:ann"):
        large = incoming.record_payment(
            market.tenant.id, source="stripe", reference="pi_7", amount=10_000_000, unit="JPY"
        )
        with pytest.raises(SecondPersonNeeded):
            order_refund(large, "wrong", sent_by="operator:ann")
        asked = sending.send_payment_back(large.public_id)
    assert asked.state == "requested"
    with worker_scope("operator:bat"):
        assert sending.approve_sending(asked.request).state == "ordered"
    run_refunds()
    with worker_scope("test"):
        assert Payment.objects.get(id=large.id).state == "closed"
