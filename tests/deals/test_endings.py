"""Every way in which a deal ends, in both policies: who gets what, to the minor unit, and what the ledger says."""

from typing import Any

import pytest
from deal_world import JP, MN, NOTE

from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.lifecycle.errors import TransitionRefused
from pilothouse.programs.deals import agreements, commands, disputes, judgement

pytestmark = pytest.mark.house
PRICE = 3_000_000_000
IMMEDIATE, HOLDBACK = 2_550_000_000, 450_000_000


def ends(market: Any, deal: str, state: str, to_seller: int, to_buyer: int) -> None:
    """The deal's row and the ledger agree on where the money is."""
    found = market.deal(deal)
    assert (found.state, found.to_seller, found.to_buyer, found.in_escrow) == (state, to_seller, to_buyer, 0)
    expected = {"escrow": 0, "payable": to_seller, "refund_due": to_buyer + found.returned}
    assert market.accounts(deal) == expected
    assert to_seller + to_buyer + found.returned == found.first_price


def test_no_issue_by_approval(market: Any) -> None:
    deal = market.handed_over(PRICE)
    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
    assert market.accounts(deal) == {"escrow": HOLDBACK, "payable": IMMEDIATE, "refund_due": 0}
    assert market.pass_time(hours=47) == 0
    market.pass_time(hours=1)
    ends(market, deal, "SETTLED", PRICE, 0)
    assert market.deal(deal).ended_by == "HOLDBACK_RELEASE"


def test_no_issue_and_nobody_says_anything(market: Any) -> None:
    deal = market.funded(PRICE)
    market.file_handover(deal)
    market.pass_time(hours=48)
    assert market.deal(deal).state == "INSPECTION"
    market.pass_time(hours=72)
    assert market.accounts(deal) == {"escrow": HOLDBACK, "payable": IMMEDIATE, "refund_due": 0}
    market.pass_time(hours=48)
    ends(market, deal, "SETTLED", PRICE, 0)


def test_early_release(market: Any) -> None:
    deal = market.handed_over(PRICE)
    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
        commands.release_early(deal, market.buyer)
    ends(market, deal, "SETTLED", PRICE, 0)
    assert market.pass_time(days=30) == 0


def test_handover_policy_pays_at_handover(market: Any) -> None:
    deal = market.handed_over(9_999, JP)
    assert market.accounts(deal) == {"escrow": 2_000, "payable": 7_999, "refund_due": 0}
    market.pass_time(days=5)
    ends(market, deal, "SETTLED", 9_999, 0)
    assert market.deal(deal).ended_by == "AUTO_APPROVE"


def test_never_funded(market: Any) -> None:
    deal = market.accepted(PRICE)
    market.pass_time(hours=24)
    assert (market.deal(deal).state, market.deal(deal).ended_by) == ("EXPIRED", "funding_expired")


def test_never_handed_over(market: Any) -> None:
    deal = market.funded(PRICE)
    market.pass_time(days=7)
    ends(market, deal, "REFUNDED", 0, PRICE)
    assert market.deal(deal).ended_by == "no_handover"


def test_price_corrected_and_then_settled(market: Any) -> None:
    deal = market.funded(PRICE)
    with market.scope("seller"):
        assert not agreements.sign(deal, market.seller, "price", {"price": 2_800_000_000})
    with market.scope("buyer"):
        assert not agreements.sign(deal, market.buyer, "price", {"price": 2_700_000_000})
        assert agreements.sign(deal, market.buyer, "price", {"price": 2_800_000_000})
    found = market.deal(deal)
    assert (found.price, found.returned, found.in_escrow) == (2_800_000_000, 200_000_000, 2_800_000_000)
    assert (found.immediate, found.holdback) == (2_380_000_000, 420_000_000)
    market.file_handover(deal)
    market.pass_time(hours=48)
    market.pass_time(hours=72)
    market.pass_time(hours=48)
    ends(market, deal, "SETTLED", 2_800_000_000, 0)


@pytest.mark.parametrize("stage", ["funded", "handed_over"])
def test_both_want_out(market: Any, stage: str) -> None:
    deal = getattr(market, stage)(PRICE)
    content = {"returned": True} if stage == "handed_over" else {}
    with market.scope("buyer"):
        assert not agreements.sign(deal, market.buyer, "cancel", content)
    with market.scope("seller"):
        assert agreements.sign(deal, market.seller, "cancel", content)
    ends(market, deal, "REFUNDED", 0, PRICE)


@pytest.mark.parametrize(
    ("decision", "state"), [("HANDOVER_CONFIRMED", "INSPECTION"), ("NOT_HANDED_OVER", "REFUNDED"), ("", "INSPECTION")]
)
def test_contested_handover(market: Any, decision: str, state: str) -> None:
    deal = market.funded(PRICE)
    market.file_handover(deal)
    with market.scope("buyer"):
        commands.contest_handover(deal, market.buyer, reason="not_received", note="Nobody came to the meeting.")
    if decision:
        with market.scope("admin"):
            judgement.decide_handover(
                deal, admin=market.people["admin"], decision=decision, audit_reason="evidence_clear", note=NOTE,
                decided_by="admin@example.mn",
            )  # fmt: skip
    else:
        market.pass_time(hours=48)
    assert market.deal(deal).state == state


@pytest.mark.parametrize("stage", ["INSPECTION", "HOLDBACK"])
@pytest.mark.parametrize(
    ("how", "to_buyer"),
    [("accept", 300_000_000), ("withdraw", 0), ("agree", 100_000_000), ("resolve", 150_000_000), ("expire", 0)],
)
def test_each_ending_of_a_dispute(market: Any, stage: str, how: str, to_buyer: int) -> None:
    """A claim of 5,000,000 ₮ for an undisclosed defect, whose cap is 3,000,000 ₮."""
    deal = market.handed_over(PRICE)
    if stage == "HOLDBACK":
        with market.scope("buyer"):
            commands.approve(deal, market.buyer)
    dispute = market.claim(deal, "UNDISCLOSED_DEFECT", 500_000_000)
    assert market.deal(deal).stage == stage
    if how == "accept":
        with market.scope("seller"):
            disputes.accept_claim(deal, market.seller)
    elif how == "withdraw":
        with market.scope("buyer"):
            disputes.withdraw_claim(deal, market.buyer)
    elif how == "agree":
        for who in ("buyer", "seller"):
            with market.scope(who):
                agreements.sign(deal, market.people[who], "settlement", {"amounts": [100_000_000]})
    elif how == "resolve":
        with market.scope("admin"):
            disputes.resolve(
                deal, admin=market.people["admin"], outcomes=["OFFSET_50_OF_CAP"], audit_reason="evidence_clear",
                note=NOTE, decided_by="admin@example.mn",
            )  # fmt: skip
    else:
        market.pass_time(hours=48)
    ends(market, deal, "SETTLED", PRICE - to_buyer, to_buyer)
    assert market.dispute(deal).granted == to_buyer
    assert market.pass_time(days=60) == 0, "no timer of an ended dispute is left"
    assert dispute.public_id == market.dispute(deal).public_id


@pytest.mark.parametrize(
    ("buyer_kinds", "seller_answers", "to_buyer"),
    [
        (("PHOTO",), False, 0),
        (("PHOTO", "DOCUMENT"), False, 300_000_000),
        (("PHOTO", "DOCUMENT"), True, 150_000_000),
    ],
)
def test_expiry_by_evidence(market: Any, buyer_kinds: tuple[str, ...], seller_answers: bool, to_buyer: int) -> None:
    from pilothouse.programs.deals import evidence

    deal = market.handed_over(PRICE)
    market.claim(deal, "UNDISCLOSED_DEFECT", 500_000_000, buyer_kinds)
    if seller_answers:
        with market.scope("seller"):
            file = market.file(deal, "seller")
            evidence.add(deal, market.seller, purpose="response", kind="PHOTO", file=file, line=1)
    market.pass_time(hours=48)
    ends(market, deal, "SETTLED", PRICE - to_buyer, to_buyer)
    assert market.dispute(deal).state == "EXPIRED"


def test_mutual_return_in_a_dispute(market: Any) -> None:
    deal = market.handed_over(PRICE)
    market.claim(deal, "LEGAL_ENCUMBRANCE", 100_000_000)
    for who in ("seller", "buyer"):
        with market.scope(who):
            agreements.sign(deal, market.people[who], "return", {"returned": True})
    ends(market, deal, "REFUNDED", 0, PRICE)
    assert market.dispute(deal).ended_by == "mutual_return"


def test_a_strangers_deal_does_not_exist(market: Any) -> None:
    deal = market.funded(PRICE, MN)
    with market.scope("stranger"), pytest.raises(NotFound):
        commands.access_deal(deal, market.people["stranger"])


def test_the_same_action_twice(market: Any) -> None:
    deal = market.handed_over(PRICE)
    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
    with market.scope("buyer"), pytest.raises(TransitionRefused):
        commands.approve(deal, market.buyer)
    assert market.accounts(deal)["payable"] == IMMEDIATE
