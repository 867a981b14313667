"""What happens if nobody does anything, and what each side gets in each ending that is still possible.

The sentences that people read are made of these values, so they follow the same rules as the timers do: a test plays
every forecast and compares it with what happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import arithmetic
from .commands import missing_handover_evidence
from .disputes import default_outcomes, settlement_of
from .judgement import HANDOVER_CONFIRMED, NOT_HANDED_OVER
from .models import Deal, Dispute
from .steps import TIMER_TTLS, terms_of


@dataclass(frozen=True, slots=True)
class Forecast:
    """At `due_at` the timer `timer` fires: `to_seller` and `to_buyer` minor units leave escrow, and the state becomes
    `state`. `then_at` is when the last of the money leaves, if still nobody acts."""

    timer: str
    due_at: datetime
    state: str
    reason: str
    to_seller: int
    to_buyer: int
    then_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """One possible end and what each side has in all when it comes."""

    name: str
    to_seller: int
    to_buyer: int


def forecast(deal: Deal, timer: str, due_at: datetime, dispute: Dispute | None = None) -> Forecast:
    """What the armed `timer` of a deal (or of its dispute) does when it is due."""
    terms = terms_of(deal)
    if timer == "draft":
        return Forecast(timer, due_at, "EXPIRED", "draft_expired", 0, 0)
    if timer == "offer":
        return Forecast(timer, due_at, "EXPIRED", "offer_expired", 0, 0)
    if timer == "funding":
        return Forecast(timer, due_at, "EXPIRED", "funding_expired", 0, 0)
    if timer == "handover":
        return Forecast(timer, due_at, "REFUNDED", "no_handover", 0, deal.in_escrow)
    if timer == "handover_review" and missing_handover_evidence([deal])[deal.id]:
        return Forecast(timer, due_at, "REFUNDED", NOT_HANDED_OVER, 0, deal.in_escrow)
    if timer in ("handover_confirm", "handover_review"):
        paid = deal.immediate if terms.pays_at_handover else 0
        reason = "handover_deemed" if timer == "handover_confirm" else HANDOVER_CONFIRMED
        after = _hours(deal, "auto_approve") + (0 if _one_part(deal) else _hours(deal, "holdback_release"))
        return Forecast(timer, due_at, "INSPECTION", reason, paid, 0, due_at + timedelta(hours=after))
    if timer == "auto_approve" and not _one_part(deal):
        then = due_at + timedelta(hours=_hours(deal, "holdback_release"))
        return Forecast(timer, due_at, "HOLDBACK", "AUTO_APPROVE", deal.immediate, 0, then)
    if timer == "auto_approve":
        return Forecast(timer, due_at, "SETTLED", "AUTO_APPROVE", deal.in_escrow, 0)
    if timer == "holdback_release":
        return Forecast(timer, due_at, "SETTLED", "HOLDBACK_RELEASE", deal.in_escrow, 0)
    assert timer == "dispute_ttl"
    assert dispute is not None
    parted = settlement_of(deal, dispute, default_outcomes(deal, dispute))
    return Forecast(timer, due_at, "SETTLED", "DISPUTE_TTL_EXPIRED", parted.to_seller, parted.to_buyer)


def _one_part(deal: Deal) -> bool:
    """Whether inspection ends the deal, with nothing held back after it."""
    return terms_of(deal).pays_at_handover or deal.holdback == 0


def _hours(deal: Deal, timer: str) -> int:
    return terms_of(deal).hours(TIMER_TTLS[timer])


def endings(deal: Deal, dispute: Dispute | None = None) -> Sequence[Ending]:
    """The ends that are still possible, with what each side would have in all; the best for the seller first."""
    if deal.state in ("SETTLED", "REFUNDED"):
        return (Ending(deal.state, deal.to_seller, deal.to_buyer),)
    if deal.state in ("CANCELLED", "EXPIRED"):
        return (Ending(deal.state, 0, 0),)
    whole = Ending("settled", deal.price, 0)
    most = Ending("largest_offset", deal.price - _most(deal), _most(deal))
    back = Ending("refunded", 0, deal.price)
    if deal.to_seller == 0 and deal.state != "HOLDBACK":
        return (whole, most, back) if most.to_buyer else (whole, back)
    return (whole, most) if most.to_buyer else (whole,)


def _most(deal: Deal) -> int:
    """The most that a claim could bring: every reason at its cap, never above the holdback."""
    terms = terms_of(deal)
    caps = sum(arithmetic.cap(deal.price, bps, terms.currency.quantum) for bps in terms.caps_bps.values())
    return min(caps, deal.holdback)
