"""Timers that are due together are one set: what a set costs the database does not grow with it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from pilothouse.kernel.base.scope import WORKER_ALIAS, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.programs.deals import commands

pytestmark = pytest.mark.house
PRICE = 3_000_000_000


def statements(act: Callable[[], Any]) -> int:
    """How many statements the worker sent."""
    with CaptureQueriesContext(connections[WORKER_ALIAS]) as caught:
        act()
    return len(caught)


def disputed(market: Any, kinds: tuple[str, ...]) -> str:
    deal: str = market.handed_over(PRICE)
    market.claims(deal, [("UNDISCLOSED_DEFECT", 500_000_000), ("COSMETIC_DAMAGE", 50_000_000)], kinds)
    return deal


def test_disputes_that_expire_together_are_one_set(market: Any) -> None:
    alone = disputed(market, ("PHOTO", "DOCUMENT"))
    market.pass_time_without_firing(hours=48)
    of_one = statements(lambda: market.pass_time(hours=0))
    together = [disputed(market, kinds) for kinds in (("PHOTO", "DOCUMENT"), ("PHOTO",), ("PHOTO", "DOCUMENT"))]
    market.pass_time_without_firing(hours=48)
    assert statements(lambda: market.pass_time(hours=0)) == of_one
    whole, cosmetic_only = 350_000_000, 50_000_000
    granted = [market.dispute(deal).granted for deal in (alone, *together)]
    assert granted == [whole, whole, cosmetic_only, whole]
    for deal, to_buyer in zip((alone, *together), granted, strict=True):
        found = market.deal(deal)
        assert (found.state, found.to_buyer, found.to_seller) == ("SETTLED", to_buyer, PRICE - to_buyer)
        assert market.accounts(deal) == {"escrow": 0, "payable": PRICE - to_buyer, "refund_due": to_buyer}
    with worker_scope("test"):
        incidents = run("SELECT subject, seen_count FROM incident WHERE kind = 'dispute_expired' ORDER BY id")
        lines = run("SELECT outcome, granted FROM claim_line ORDER BY id")
        told = run("SELECT data FROM event WHERE subject_kind = 'dispute' AND type = 'expire' ORDER BY id")
    assert [row["subject"] for row in incidents] == [market.dispute(deal).public_id for deal in (alone, *together)]
    assert {row["seen_count"] for row in incidents} == {1}
    assert (lines[4]["outcome"], lines[4]["granted"]) == ("RELEASE_TO_SELLER", 0)
    assert [row["data"]["to_buyer"] for row in told] == granted
    assert told[0]["data"]["reason"] == "DISPUTE_TTL_EXPIRED"


def test_contested_handovers_that_nobody_decides_are_one_set(market: Any) -> None:
    def contested() -> str:
        deal: str = market.funded(PRICE)
        market.file_handover(deal)
        with market.scope("buyer"):
            commands.contest_handover(deal, market.buyer, reason="not_received", note="Nobody came to the meeting.")
        return deal

    first = contested()
    market.pass_time_without_firing(hours=48)
    of_one = statements(lambda: market.pass_time(hours=0))
    others = [contested() for _ in range(3)]
    market.pass_time_without_firing(hours=48)
    assert statements(lambda: market.pass_time(hours=0)) == of_one
    assert {market.deal(deal).state for deal in (first, *others)} == {"INSPECTION"}
