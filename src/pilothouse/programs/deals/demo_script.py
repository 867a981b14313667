"""What happens to each deal of the demo. A script does something and yields how long it waits; timers do the rest."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from . import agreements, commands, disputes, evidence
from .demo_market import JP, MN, WITHOUT_ACCOUNT, Market, Trade, hours

Script = Iterator[timedelta]
Play = Callable[[Market, str], Script]
# What the claims of the demo ask for, and what it takes to show it, by terms: in minor units.
DEFECT = {MN: ("UNDISCLOSED_DEFECT", 500_000_000), JP: ("UNDISCLOSED_DEFECT", 50_000)}
SCRATCH = {MN: ("COSMETIC_DAMAGE", 60_000_000), JP: ("COSMETIC_DAMAGE", 8_000)}
AGREED = {MN: 100_000_000, JP: 12_000}
CORRECTED = {MN: 2_800_000_000, JP: 190_000}
EXTRA = {MN: 5_000_000, JP: 3_000}
COMPLETE, INCOMPLETE = ("PHOTO", "DOCUMENT"), ("DOCUMENT",)


def _inspected(market: Market, template: str) -> Trade:
    trade = market.funded(template)
    market.file_handover(trade)
    market.confirm(trade)
    return trade


def _disputed(market: Market, template: str, kinds: tuple[str, ...] = COMPLETE) -> Trade:
    trade = _inspected(market, template)
    market.claim(trade, [(*DEFECT[template], kinds)])
    return trade


def no_issue(market: Market, template: str) -> Script:
    """The buyer approves; under APPROVAL terms the holdback is released by its timer."""
    trade = market.funded(template)
    yield hours(20)
    market.file_handover(trade)
    yield hours(3)
    market.confirm(trade)
    yield hours(26)
    market.approve(trade)


def auto_approve(market: Market, template: str) -> Script:
    """The buyer confirms the handover and says nothing more."""
    _inspected(market, template)
    yield hours(0)


def early_release(market: Market, template: str) -> Script:
    """The buyer approves and releases the holdback at once."""
    trade = _inspected(market, template)
    yield hours(30)
    market.approve(trade)
    yield hours(2)
    with market.scope(trade.buyer):
        commands.release_early(trade.deal, market.people[trade.buyer])


def deemed_handover(market: Market, template: str) -> Script:
    """The buyer never answers the filed handover."""
    trade = market.funded(template)
    yield hours(10)
    market.file_handover(trade)


def _contested(market: Market, trade: Trade) -> None:
    market.file_handover(trade)
    with market.scope(trade.buyer):
        note = "Nobody came to the place that we had agreed on."
        commands.contest_handover(trade.deal, market.people[trade.buyer], reason="not_received", note=note)


def contested_and_confirmed(market: Market, template: str) -> Script:
    """An operator confirms a contested handover."""
    trade = market.funded(template)
    _contested(market, trade)
    yield hours(9)
    market.decide_handover(trade, "HANDOVER_CONFIRMED")


def contested_and_refused(market: Market, template: str) -> Script:
    """An operator finds that nothing was handed over."""
    trade = market.funded(template)
    _contested(market, trade)
    yield hours(9)
    market.decide_handover(trade, "NOT_HANDED_OVER")


def contested_and_undecided(market: Market, template: str) -> Script:
    """Nobody decides a contested handover in time: the evidence does."""
    _contested(market, market.funded(template))
    yield hours(0)


def never_handed_over(market: Market, template: str) -> Script:
    """The seller never files a handover."""
    market.funded(template)
    yield hours(0)


def unfunded(market: Market, template: str) -> Script:
    """Nobody pays; the money that comes after the end waits in suspense."""
    trade = market.accepted(template)
    yield hours(30)
    market.pay(trade, [trade.price // 10])


def never_accepted(market: Market, template: str) -> Script:
    """The offer runs out."""
    market.offered(template)
    yield hours(0)


def declined(market: Market, template: str) -> Script:
    """The buyer reads the offer and leaves."""
    trade = market.accepted(template)
    yield hours(5)
    with market.scope(trade.buyer):
        commands.withdraw(trade.deal, market.people[trade.buyer])


def overpaid(market: Market, template: str) -> Script:
    """More comes in than the price; the rest goes back to its sender."""
    trade = market.accepted(template)
    payments = market.pay(trade, [trade.price + EXTRA[template]])
    assert market.match(trade, payments) == EXTRA[template]
    yield hours(4)
    market.send_back(payments[0])
    market.file_handover(trade)
    market.confirm(trade)


def paid_in_two_parts(market: Market, template: str) -> Script:
    """The first payment is too small; with a second one it is the price."""
    trade = market.accepted(template)
    payments = market.pay(trade, [trade.price - EXTRA[template]])
    yield hours(6)
    payments += market.pay(trade, [EXTRA[template]])
    market.match(trade, payments)
    market.file_handover(trade)
    market.confirm(trade)
    yield hours(12)
    market.approve(trade)


def price_correction(market: Market, template: str) -> Script:
    """Both sign a lower price; the difference goes back at once."""
    trade = market.funded(template)
    yield hours(5)
    _both_sign(market, trade, "price", {"price": CORRECTED[template]})
    market.file_handover(trade)
    market.confirm(trade)


def mutual_cancel(market: Market, template: str) -> Script:
    """Both want out before the handover."""
    trade = market.funded(template)
    yield hours(15)
    _both_sign(market, trade, "cancel", {})


def cancel_in_inspection(market: Market, template: str) -> Script:
    """Both want out during the inspection; the item went back."""
    trade = _inspected(market, template)
    yield hours(15)
    _both_sign(market, trade, "cancel", {"returned": True})


def claim_accepted(market: Market, template: str) -> Script:
    """The seller accepts the claim."""
    trade = _disputed(market, template)
    yield hours(7)
    with market.scope(trade.seller):
        disputes.accept_claim(trade.deal, market.people[trade.seller])


def claim_agreed(market: Market, template: str) -> Script:
    """The seller offers less, and both sign the amount."""
    trade = _disputed(market, template)
    yield hours(7)
    with market.scope(trade.seller):
        disputes.respond(
            trade.deal, market.people[trade.seller], response="counter", note="It was repaired for less.",
            counters=[AGREED[template]],
        )  # fmt: skip
    yield hours(5)
    _both_sign(market, trade, "settlement", {"amounts": [AGREED[template]]})


def claim_resolved(market: Market, template: str) -> Script:
    """The seller contests, and an operator decides each line from the menu."""
    trade = _inspected(market, template)
    market.claim(trade, [(*DEFECT[template], COMPLETE), (*SCRATCH[template], COMPLETE)])
    yield hours(7)
    with market.scope(trade.seller):
        person = market.people[trade.seller]
        disputes.respond(trade.deal, person, response="contest", note="The buyer saw it before.")
    yield hours(14)
    market.resolve(trade, ["OFFSET_50_OF_CAP", "OFFSET_AS_CLAIMED"])


def claim_withdrawn(market: Market, template: str) -> Script:
    """The buyer takes the claim back."""
    trade = _disputed(market, template)
    yield hours(11)
    with market.scope(trade.buyer):
        disputes.withdraw_claim(trade.deal, market.people[trade.buyer])


def mutual_return(market: Market, template: str) -> Script:
    """Both sign that the item went back."""
    trade = _disputed(market, template)
    yield hours(20)
    _both_sign(market, trade, "return", {"returned": True})


def claim_in_holdback(market: Market, template: str) -> Script:
    """A claim after the approval can reach the holdback only."""
    trade = _inspected(market, template)
    market.approve(trade)
    yield hours(40)
    market.claim(trade, [(*DEFECT[template], COMPLETE)])
    yield hours(3)
    market.resolve(trade, ["OFFSET_FULL_CAP"])


def expired_incomplete(market: Market, template: str) -> Script:
    """Nobody decides, and the buyer did not show what the terms ask for."""
    _disputed(market, template, INCOMPLETE)
    yield hours(0)


def expired_unanswered(market: Market, template: str) -> Script:
    """Nobody decides, the buyer showed everything and the seller nothing."""
    _disputed(market, template)
    yield hours(0)


def expired_answered(market: Market, template: str) -> Script:
    """Nobody decides, and both sides showed evidence."""
    trade = _disputed(market, template)
    yield hours(6)
    with market.scope(trade.seller):
        file = market.file(trade, trade.seller)
        evidence.add(
            trade.deal, market.people[trade.seller], purpose="response", kind="PHOTO", file=file, line=1
        )  # fmt: skip


def failed_payout(market: Market, template: str) -> Script:
    """The bank refuses the first transfer to the seller; the second one arrives."""
    trade = _inspected(market, template)
    market.refused.add(trade.deal)
    yield hours(4)
    market.approve(trade)


def seller_without_account(market: Market, template: str) -> Script:
    """The seller has not said where the money should go: it stays owed."""
    trade = market.funded(template, seller=WITHOUT_ACCOUNT)
    market.file_handover(trade)
    yield hours(0)
    market.confirm(trade)


def _both_sign(market: Market, trade: Trade, kind: str, content: dict[str, object]) -> None:
    for name in (trade.buyer, trade.seller):
        with market.scope(name):
            agreements.sign(trade.deal, market.people[name], kind, content)


# Every story, in the order in which they begin; what needs a part that is paid at approval is told of such terms only.
BOTH: tuple[Play, ...] = (
    no_issue, auto_approve, deemed_handover, contested_and_confirmed, contested_and_refused, contested_and_undecided,
    never_handed_over, unfunded, never_accepted, declined, overpaid, paid_in_two_parts, price_correction, mutual_cancel,
    claim_accepted, claim_agreed, claim_resolved, claim_withdrawn, expired_incomplete, expired_unanswered,
    expired_answered, failed_payout, seller_without_account,
)  # fmt: skip
AT_APPROVAL: tuple[Play, ...] = (early_release, cancel_in_inspection, mutual_return, claim_in_holdback)
STORIES: tuple[tuple[str, Play], ...] = (
    *((MN, play) for play in (*BOTH, *AT_APPROVAL)),
    *((JP, play) for play in BOTH),
)
