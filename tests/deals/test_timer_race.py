"""A person and a timer at the same instant: one waits for the other, and neither is thrown out."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connections

from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.programs.deals import commands, disputes

pytestmark = pytest.mark.house
PRICE = 3_000_000_000
# Longer than the second after which PostgreSQL ends a deadlock.
HELD_S = 1.5


def closing(act: Callable[[], Any]) -> Any:
    """What `act` gives on a thread of its own, whose connections end with it."""
    try:
        return act()
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close()


def fire_while(market: Any, act: Any) -> int:
    """Fire what is due while a person's transaction holds the deal; `act` runs in it once the worker is at work."""
    held = Event()

    def worker() -> int:
        held.wait(10)
        return fire_due()

    with ThreadPoolExecutor(1) as pool:
        fired = pool.submit(closing, worker)
        act(held)
        taken: int = fired.result(30)
        return taken


def test_an_approval_in_the_last_second_holds_off_the_timer(market: Any) -> None:
    deal = market.handed_over(PRICE)
    market.pass_time_without_firing(days=3)

    def approve(held: Event) -> None:
        with market.scope("buyer"):
            commands.access_deal(deal, market.buyer, lock=True)
            held.set()
            Event().wait(HELD_S)
            commands.approve(deal, market.buyer)

    fire_while(market, approve)
    found = market.deal(deal)
    assert (found.state, found.to_seller) == ("HOLDBACK", found.immediate)
    assert fire_due() == 0
    assert market.deal(deal).state == "HOLDBACK", "the timer of the inspection was cancelled, not fired"


def test_an_accepted_claim_in_the_last_second_holds_off_the_expiry(market: Any) -> None:
    deal = market.handed_over(PRICE)
    market.claim(deal, "UNDISCLOSED_DEFECT", 500_000_000)
    market.pass_time_without_firing(hours=48)

    def accept(held: Event) -> None:
        with market.scope("seller"):
            commands.access_deal(deal, market.seller, lock=True)
            held.set()
            Event().wait(HELD_S)
            disputes.accept_claim(deal, market.seller)

    fire_while(market, accept)
    assert (market.dispute(deal).state, market.dispute(deal).ended_by) == ("RESOLVED", "OFFSET_AS_CLAIMED")
    assert market.deal(deal).to_buyer == 300_000_000


@pytest.mark.parametrize("first", ["waits for its handover", "is in dispute"])
def test_a_set_is_locked_in_one_order_whatever_its_timers_are_called(market: Any, first: str) -> None:
    """Two workers that see one deal under two names would else each hold what the other one waits for."""
    if first == "is in dispute":
        lower = market.handed_over(PRICE)
        market.claim(lower, "UNDISCLOSED_DEFECT", 500_000_000)
    else:
        lower = market.funded(PRICE)
    higher = market.handed_over(PRICE)
    market.pass_time_without_firing(days=30)

    def hold_both(held: Event) -> None:
        with market.scope("buyer"):
            commands.access_deal(lower, market.buyer, lock=True)
            held.set()
            Event().wait(HELD_S)
            commands.access_deal(higher, market.buyer, lock=True)

    assert fire_while(market, hold_both) == 2
    assert market.deal(higher).state == "HOLDBACK"


def test_three_at_one_deal_wait_in_a_row(market: Any) -> None:
    """Whoever waited while the timers changed must not hold the deal and want a timer that the next one holds."""
    deal = market.handed_over(PRICE)
    second_has_it = Event()

    def second() -> None:
        with market.scope("buyer"):
            commands.access_deal(deal, market.buyer, lock=True)
            second_has_it.set()
            Event().wait(HELD_S)
            commands.release_early(deal, market.buyer)

    def third() -> None:
        assert second_has_it.wait(10)
        with market.scope("seller"):
            commands.access_deal(deal, market.seller, lock=True)

    with ThreadPoolExecutor(2) as pool:
        with market.scope("buyer"):
            commands.access_deal(deal, market.buyer, lock=True)
            waiting = [pool.submit(closing, act) for act in (second, third)]
            Event().wait(HELD_S)
            commands.approve(deal, market.buyer)
        for each in waiting:
            each.result(30)
    assert market.deal(deal).state == "SETTLED"
