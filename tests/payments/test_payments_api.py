"""The operators' JSON API of payments, and a checkout that the buyer begins over HTTP."""

from typing import Any

import pytest
from api_world import PRICE, Person, people_of
from deal_world import JP

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.payments import bank_accounts, outgoing
from pilothouse.kernel.payments.models import Payment

pytestmark = [pytest.mark.house, pytest.mark.http]
SMALL = 5_000_000


@pytest.fixture
def people(market: Any) -> dict[str, Person]:
    return people_of(market)


def body(market: Any, reference: str = "TRX-1", amount: int = PRICE, **more: Any) -> dict[str, Any]:
    return {"tenant_id": market.tenant.public_id, "unit": "MNT", "amount": amount, "reference": reference, **more}


def balances(market: Any) -> dict[str, int]:
    with worker_scope("test"):
        rows = run("SELECT kind, sum(credits - debits)::bigint AS n FROM account WHERE stored GROUP BY kind")
    return {row["kind"]: row["n"] for row in rows if row["n"]}


def payout_of(market: Any, amount: int) -> str:
    """A due payout of the first part of a price."""
    with market.scope("seller"):
        named = bank_accounts.name_account(market.seller, unit="MNT", holder="Bat", bank="Khan", number="5000123456")
        bank_accounts.confirm_account(market.seller, named.public_id, "3456")
    deal = market.handed_over(amount)
    from pilothouse.programs.deals import commands

    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
    with worker_scope("payouts"):
        outgoing.open_payouts()
        (row,) = run("SELECT public_id FROM payout WHERE subject_ref = %s", [deal])
    return str(row["public_id"])


def test_a_payment_is_recorded_once_and_matched(market: Any, people: dict[str, Person]) -> None:
    admin, deal = people["admin"], market.accepted(PRICE)
    made = admin.post("admin/payments", body(market, note=f"for {deal}", amount=PRICE + 500), 201)
    assert (made["state"], made["rest"], made["payer"]) == ("waiting", PRICE + 500, "")
    again = admin.post("admin/payments", body(market, amount=PRICE + 500), 201)
    assert again["payment_id"] == made["payment_id"]
    assert admin.post("admin/payments", body(market), 409)["code"] == "payment_known"
    path = f"admin/payments/{made['payment_id']}"
    (meant,) = admin.get(path)["suggestions"]
    assert (meant["ref"], meant["missing"], meant["left_over"]) == (deal, 0, 500)
    done = admin.post(f"{path}/match", {"kind": "deal", "ref": deal})
    assert (done["paid"], done["left_over"], done["rest"]) == (deal, 500, 500)
    assert admin.post(f"{path}/match", {"kind": "deal", "ref": deal}, 409)["code"] == "not_payable"
    assert market.deal(deal).state == "FUNDED"
    assert balances(market) == {"suspense": 500, "escrow": PRICE}
    assert admin.post(f"{path}/back", {"reference": "B-1"})["state"] == "sent"
    assert balances(market) == {"escrow": PRICE}
    assert [row["payment_id"] for row in admin.get("admin/payments?state=closed")["payments"]] == [made["payment_id"]]
    assert admin.get("admin/payments")["payments"] == []


def test_two_payments_pay_one_deal_and_too_little_pays_nothing(market: Any, people: dict[str, Person]) -> None:
    admin, deal = people["admin"], market.accepted(PRICE)
    first, second = (
        admin.post("admin/payments", body(market, name, amount), 201)["payment_id"]
        for name, amount in (("A", 1_000_000_000), ("B", 2_000_000_000))
    )
    refused = admin.post(f"admin/payments/{first}/match", {"kind": "deal", "ref": deal}, 409)
    assert refused["code"] == "amounts_do_not_match"
    assert refused["message"].endswith("Nothing was matched.")
    paid = admin.post(f"admin/payments/{first}/match", {"kind": "deal", "ref": deal, "with": [second]})
    assert paid["left_over"] == 0
    assert market.deal(deal).state == "FUNDED"


def test_what_is_refused_moves_nothing(market: Any, people: dict[str, Person]) -> None:
    admin, deal = people["admin"], market.accepted(PRICE)
    for change in ({"amount": 1.5}, {"amount": "100"}, {"amount": 0}, {"unit": "XXX"}, {"reference": None}, {"fee": 1}):
        assert admin.post("admin/payments", body(market) | change, 422)["code"] == "invalid_input", change
    admin.post("admin/payments", body(market) | {"tenant_id": "ten_none"}, 404)
    made = admin.post("admin/payments", body(market, amount=SMALL), 201)["payment_id"]
    for given in (
        {"kind": "deal"},
        {"kind": "deal", "ref": deal, "with": "x"},
        {"kind": "deal", "ref": deal, "amount": 1},
    ):
        admin.post(f"admin/payments/{made}/match", given, 422)
    admin.post("admin/payments/pay_none/match", {"kind": "deal", "ref": deal}, 404)
    admin.post(f"admin/payments/{made}/match", {"kind": "deal", "ref": deal, "with": [made]}, 404)
    assert admin.post(f"admin/payments/{made}/match", {"kind": "boat", "ref": deal}, 409)["code"] == "not_payable"
    admin.post(f"admin/payments/{made}/back", {}, 422)
    for query in ("state=open", "limit=0", "skip=-1", "nothing=1"):
        admin.get(f"admin/payments?{query}", 422)
    for who in ("buyer", "support"):
        people[who].get("admin/payments", 403)
        people[who].post("admin/payments", body(market, "S"), 403)
        people[who].post(f"admin/payments/{made}/back", {"reference": "B"}, 403)
    assert balances(market) == {"suspense": SMALL}
    with worker_scope("test"):
        assert Payment.objects.count() == 1


def test_a_large_return_takes_two_operators(market: Any, people: dict[str, Person]) -> None:
    first, second = people["admin"], people["second"]
    late = first.post("admin/payments", body(market), 201)["payment_id"]
    asked = first.post(f"admin/payments/{late}/back", {"reference": "B-9"}, 202)
    assert (asked["state"], first.get(f"admin/payments/{late}")["waits_for"]) == ("requested", asked["request"])
    assert second.post(f"admin/payments/{late}/back", {"reference": "B-9"}, 409)["code"] == "request_waits"
    approve = f"admin/send-requests/{asked['request']}/approve"
    assert first.post(approve, status=403)["code"] == "forbidden"
    assert balances(market) == {"suspense": PRICE}
    assert second.post(approve)["state"] == "sent"
    assert second.post(approve)["state"] == "sent", "answered twice it is done once"
    assert balances(market) == {}
    (row,) = first.get("admin/send-requests?state=approved")["requests"]
    assert (row["asked_by"], row["decided_by"]) == ("operator:admin@example.mn", "operator:second@example.mn")


def test_a_payout_is_sent_refused_and_sent_again(market: Any, people: dict[str, Person]) -> None:
    first, second = people["admin"], people["second"]
    payout = payout_of(market, PRICE)
    path = f"admin/payouts/{payout}"
    asked = first.post(f"{path}/send", {"reference": "X-1"}, 202)["request"]
    assert first.get(path)["waits_for"] == asked
    refuse = f"admin/send-requests/{asked}/refuse"
    second.post(refuse, {}, 422)
    assert second.post(refuse, {"reason": "Wrong account"})["state"] == "refused"
    assert second.post(f"admin/send-requests/{asked}/approve", status=409)["code"] == "transition_refused"
    asked = first.post(f"{path}/send", {"reference": "X-2"}, 202)["request"]
    second.post(f"admin/send-requests/{asked}/approve")
    assert first.post(f"{path}/fail", {"reason": "moon"}, 422)["code"] == "invalid_input"
    assert first.post(f"{path}/fail", {"reason": "returned"})["failure"] == "returned"
    assert first.post(f"{path}/confirm", status=409)["code"] == "transition_refused"
    assert first.post(f"{path}/retry")["state"] == "due"
    asked = first.post(f"{path}/send", {"reference": "X-3"}, 202)["request"]
    second.post(f"admin/send-requests/{asked}/approve")
    assert first.post(f"{path}/confirm")["state"] == "confirmed"
    assert first.post(f"{path}/confirm", status=409)["code"] == "transition_refused"
    assert "payable" not in balances(market)
    (row,) = first.get("admin/payouts?state=confirmed")["payouts"]
    assert (row["attempts"], row["reference"], row["to"]) == (2, "X-3", "seller@example.mn")


def test_the_buyer_pays_by_card_over_http(market: Any, people: dict[str, Person], stripe_house: Any) -> None:
    deal = market.accepted(200_000, JP)
    buyer = people["buyer"]
    assert buyer.get(f"deals/{deal}/payment")["cards"]
    made = buyer.post(f"deals/{deal}/checkout")
    assert (made["amount"], made["unit"]) == (200_000, "JPY")
    assert made["url"].startswith("https://checkout.stripe.com/")
    assert buyer.post(f"deals/{deal}/checkout")["checkout_id"] == made["checkout_id"], "asked again, the same one"
    assert len(stripe_house.sessions) == 1
    large = buyer.post(f"deals/{market.accepted(PRICE)}/checkout", status=422)
    assert large["code"] == "payment_method_limit"
    assert large["message"].endswith("Pay by bank transfer.")
    stripe_house.close()
    other = buyer.post(f"deals/{market.accepted(200_000, JP)}/checkout", status=502)
    assert other["code"] == "processor_unreachable"
    assert market.deal(deal).state == "AWAITING_FUNDS"
