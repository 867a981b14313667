"""A double click and a stale page, for the forms of money, deals and the desk: the second press changes nothing."""

from typing import Any

import pytest
from form_twice import Person, link_in
from pilot_market import CAR, MN, NOTE, PRICE, Market, browser, pilot_market

from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.payments import incoming, outgoing
from pilothouse.kernel.payments.models import Payout
from pilothouse.programs.deals import commands

pytestmark = pytest.mark.house
SMALL = 5_000_000


@pytest.fixture
def market(timed_house: Any) -> Market:
    return pilot_market(timed_house)


def test_deals(market: Market) -> None:
    seller, buyer = (Person(browser(market.mails[side])) for side in ("seller", "buyer"))
    named = {"template": MN, "title": "Prius 30", "side": "seller", "price": "30,000,000"}
    edit = seller.twice("/deals/new", **named)
    seller.twice(edit, **{f"item_{name}": str(value) for name, value in CAR.items()})
    draft = market.draft(PRICE)
    seller.twice(f"/deals/{draft}/", f"/deals/{draft}/offer", email=market.mails["buyer"])
    buyer.twice(link_in(seller.reads(f"/deals/{draft}/"), "/deals/join/"))
    buyer.acts(draft, "accept")
    deal = market.funded(PRICE)
    seller.twice(f"/deals/{deal}/price", price="29,000,000")
    buyer.acts(deal, "sign-price")
    market.file_handover(deal)
    buyer.twice(f"/deals/{deal}/contest", reason="not_received", note="Nobody came to the meeting point.")
    olga = Person(browser("ops@ours.example"))
    decided = {"decision": "HANDOVER_CONFIRMED", "audit_reason": "evidence_clear", "note": NOTE}
    page = f"/admin/disputes/handovers/{deal}"
    olga.twice(page, f"{page}/decide", form_of=page, **decided)
    terms = f"/desk/terms/{MN}/"
    made = olga.twice(f"{terms}new", disputeTtlHours="72", note="Three days to answer")
    assert made == f"{terms}?version=2"
    stale = olga.client.post(f"{terms}new", {**olga.body_of(f"{terms}new"), "number": "2", "note": "Of another tab"})
    assert stale.status_code == 422
    assert f"the next version of {MN} is 3, not 2." in stale.content.decode()
    olga.twice(made, f"{terms}2/publish")
    olga.twice(terms, olga.form_at(terms, "/retire"))


def test_claims(market: Market) -> None:
    seller, buyer = (Person(browser(market.mails[side])) for side in ("seller", "buyer"))
    first, second, third = (market.handed_over(PRICE) for _ in range(3))
    buyer.acts(first, "approve")
    buyer.acts(first, "release_early")
    market.claim(second, "COSMETIC_DAMAGE", 50_000_000)
    seller.twice(f"/deals/{second}/respond", amount_0="100,000", note="It was told in the advertisement.")
    seller.twice(f"/deals/{second}/agree", amount_0="200,000")
    buyer.acts(second, "sign-settlement")
    with market.scope("buyer"):
        photo = market.file(third, "buyer")
    asked = {"amount": "5,000,000", "note": "The gearbox slips.", "PHOTO-kept": photo}
    buyer.twice(f"/deals/{third}/claim", **{f"UNDISCLOSED_DEFECT-{name}": value for name, value in asked.items()})
    dispute = market.dispute(third).public_id
    olga = Person(browser("ops@ours.example"))
    good = {"audit_reason": "evidence_clear", "note": NOTE, "outcome_1": "OFFSET_50_OF_CAP"}
    page = f"/admin/disputes/{dispute}"
    olga.twice(page, f"{page}/decide", form_of=f"{page}/review", **good)
    answers = dict.fromkeys(
        ("timer_seen", "timer_end_known", "money_known", "holdback_known", "amount_expected"), "yes"
    )
    buyer.twice(f"/feedback/deals/{third}", **answers, evidence_added="yes")
    olga.twice(f"/desk/feedback/deals/{third}", evidence_enough="yes")


def test_money(market: Market) -> None:
    with worker_scope("test"):
        add_operator("ada@ours.example", "admin", "Ada")
    seller, olga, ada = (
        Person(browser(who)) for who in (market.mails["seller"], "ops@ours.example", "ada@ours.example")
    )
    named = {"holder": "Bat", "bank": "Golomt Bank", "number": "1105 0012 3456"}
    mine = seller.twice("/deals/bank-account?unit=MNT", **named)
    seller.twice(mine, seller.form_at(mine, "/remove"))
    seller.twice(mine, **named)
    seller.twice(mine, seller.form_at(mine, "/confirm"), last_digits="3456")
    deal = market.accepted(PRICE)
    money = {"tenant": market.tenant.public_id, "unit": "MNT"}
    paid = olga.twice("/desk/payments/new", **money, amount="30,000,000", reference="TRX-1")
    olga.twice(paid, f"{paid}match", kind="deal", ref=deal)
    late = olga.twice("/desk/payments/new", **money, amount="30,000,000", reference="TRX-2")
    olga.twice(late, f"{late}back", reference="B-1")
    ask = "/desk/payments/approvals/"
    ada.twice(ask, ada.form_at(ask, "/refuse"), reason="The wrong account")
    olga.twice(late, f"{late}back", reference="B-2")
    ada.twice(ask, ada.form_at(ask, "/approve"))
    with worker_scope("operator:ann"):
        incoming.record_payment(market.tenant.id, source="stripe", reference="pi_1", amount=SMALL, unit="MNT")
    olga.twice("/desk/payments/settlement", **money, amount="49,000", fees="500", reference="po_1")
    due = market.handed_over(SMALL)
    with market.scope("buyer"):
        commands.approve(due, market.buyer)
    with worker_scope("payouts"):
        outgoing.open_payouts()
        out = f"/desk/payments/out/{Payout.objects.get(subject_ref=due).public_id}/"
    olga.twice("/desk/payments/out/", "/desk/payments/out/files/new")
    olga.twice(out, f"{out}send", reference="X-1")
    olga.twice(out, f"{out}fail", reason="returned")
    olga.twice(out, f"{out}retry")
    olga.twice(out, f"{out}send", reference="X-2")
    olga.twice(out, f"{out}confirm")
