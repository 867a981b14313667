"""Every forecast is played: what the page promised for "if nothing happens" is what happened."""

from typing import Any

import pytest
from deal_world import JP

from pilothouse.programs.deals import commands
from pilothouse.programs.deals.queries import actions, armed_timer, money_summary, timeline

pytestmark = pytest.mark.house
PRICE = 3_000_000_000


def play(market: Any, deal: str) -> list[str]:
    """Let nobody act until the end; each step must be what was forecast. Returns the states in order."""
    states = []
    while True:
        with market.scope():
            before = market.deal(deal)
            summary = money_summary(before)
        told = summary["forecast"]
        if told is None:
            return states
        with market.scope():
            from pilothouse.kernel.base.clock import business_now

            wait = told.due_at - business_now()
        assert market.pass_time(seconds=wait.total_seconds()) == 1
        after = market.deal(deal)
        assert after.state == told.state
        assert after.to_seller - before.to_seller == told.to_seller
        assert after.to_buyer - before.to_buyer == told.to_buyer
        states.append(after.state)


@pytest.mark.parametrize(
    ("stage", "template", "price", "states"),
    [
        ("accepted", "MN_USED_CAR_PRIVATE", PRICE, ["EXPIRED"]),
        ("funded", "MN_USED_CAR_PRIVATE", PRICE, ["REFUNDED"]),
        ("handed_over", "MN_USED_CAR_PRIVATE", PRICE, ["HOLDBACK", "SETTLED"]),
        ("handed_over", JP, 9_999, ["SETTLED"]),
    ],
)
def test_what_is_forecast_happens(market: Any, stage: str, template: str, price: int, states: list[str]) -> None:
    assert play(market, getattr(market, stage)(price, template)) == states


def test_a_filed_handover_and_a_dispute(market: Any) -> None:
    deal = market.funded(PRICE)
    market.file_handover(deal)
    with market.scope():
        told = money_summary(market.deal(deal))["forecast"]
    assert (told.timer, told.to_seller) == ("handover_confirm", 0)
    assert (told.then_at - told.due_at).total_seconds() == 120 * 3600
    with market.scope("buyer"):
        commands.confirm_handover(deal, market.buyer)
    market.claim(deal, "COSMETIC_DAMAGE", 200_000_000)
    with market.scope():
        told = money_summary(market.deal(deal))["forecast"]
    assert (told.to_buyer, told.to_seller) == (90_000_000, PRICE - 90_000_000)
    assert play(market, deal) == ["SETTLED"]


def test_every_offered_action_is_lawful_and_the_timeline_tells_all(market: Any) -> None:
    deal = market.handed_over(PRICE)
    with market.scope():
        found = market.deal(deal)
        assert actions(found, "buyer") == ["approve", "raise_issue", "cancel"]
        assert actions(found, "seller") == ["cancel"]
        timer = armed_timer(found)
        assert timer is not None
        assert timer["name"] == "auto_approve"
        told = [row["type"] for row in timeline(found)]
    assert told == ["create", "offer", "join", "accept", "fund", "file_handover", "confirm_handover"]
