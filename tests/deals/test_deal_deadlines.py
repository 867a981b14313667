"""Disputes and contested handovers that nobody decided in time are late, by name."""

from typing import Any

import pytest

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.payments import outgoing, sending
from pilothouse.kernel.payments.bank_accounts import confirm_account, name_account
from pilothouse.kernel.payments.models import Payout
from pilothouse.kernel.watch.deadlines import Kept, kept
from pilothouse.programs.deals import agreements, commands, disputes

pytestmark = pytest.mark.house
PRICE = 3_000_000_000


def of(name: str) -> Kept | None:
    """One kind, as it was kept until now."""
    with worker_scope("test"):
        return {each.name: each for each in kept()}.get(name)


def contested(market: Any) -> str:
    deal: str = market.funded(PRICE)
    market.file_handover(deal)
    with market.scope("buyer"):
        commands.contest_handover(deal, market.buyer, reason="not_received", note="Nobody came to the meeting.")
    return deal


def test_what_people_did_not_end_in_time_is_late(market: Any) -> None:
    quick, slow = (market.handed_over(PRICE) for _ in range(2))
    for deal in (quick, slow):
        market.claim(deal, "COSMETIC_DAMAGE", 1_000_000)
    review = contested(market)
    assert (of("disputes"), of("handovers")) == (None, None)
    with market.scope("seller"):
        disputes.accept_claim(quick, market.seller)
    market.pass_time(days=4)
    told = of("disputes")
    assert told is not None
    assert (told.counted, told.worst, told.worst_open) == ("1 of 2 late", market.dispute(slow).public_id, False)
    handovers = of("handovers")
    assert handovers is not None
    assert (handovers.counted, handovers.worst) == ("1 of 1 late", review)
    timers = of("timers")
    assert timers is not None
    assert timers.late > 0, "time was passed before the worker fired"


def test_a_payout_is_late_a_day_after_it_was_owed_unless_the_payee_named_no_account(market: Any) -> None:
    with market.scope("seller"):
        named = name_account(market.seller, unit="MNT", holder="S. Seller", bank="Khan Bank", number="5000123456")
        confirm_account(market.seller, named.public_id, "3456")
    market.pass_time(days=2)
    sold = [market.handed_over(PRICE) for _ in range(2)]
    for deal in sold:
        with market.scope("buyer"):
            commands.approve(deal, market.buyer)
    cancelled = market.funded(PRICE)
    for side, person in (("seller", market.seller), ("buyer", market.buyer)):
        with market.scope(side):
            agreements.sign(cancelled, person, "cancel", {})
    with worker_scope("bank"):
        outgoing.open_payouts()
        due = dict(Payout.objects.values_list("subject_ref", "public_id"))
    assert of("payouts") is None
    with worker_scope("operator:one@house.example"):
        asked = sending.send_payout(due[sold[0]], "OUT-1").request
    with worker_scope("operator:two@house.example"):
        sending.approve_sending(asked)
    market.pass_time(hours=25)
    told = of("payouts")
    assert told is not None
    assert (told.counted, told.excused) == ("1 of 3 late", 1)
    assert (told.worst, told.worst_s, told.worst_open) == (due[sold[1]], 3_600.0, True)
