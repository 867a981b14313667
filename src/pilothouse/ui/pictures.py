"""Geometry of the pictures: where each segment of a bar begins, what fits on it, which tone a state has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .limits import (
    BAR_NARROW_WIDTH_PX,
    BAR_NUMBER_CHAR_PX,
    BAR_NUMBER_PADDING_PX,
    BAR_SEGMENT_MIN_SHARE_PERCENT,
    COUNTDOWN_LAST_SHARE_PERCENT,
    COUNTDOWN_SOON_SHARE_PERCENT,
)
from .units import Unit, number_text


@dataclass(frozen=True, slots=True)
class Kind:
    """What a segment of a bar means: its words and its tone; `hatched` marks what has not ended yet."""

    label: object
    tone: str
    hatched: bool = False


MONEY_KINDS = {
    "settled": Kind(pgettext_lazy("money", "settled"), "settled"),
    "refunded": Kind(pgettext_lazy("money", "refunded"), "returned"),
    "in_flight": Kind(pgettext_lazy("money", "in flight"), "held", hatched=True),
    "to_seller": Kind(pgettext_lazy("money", "to the seller"), "settled"),
    "to_buyer": Kind(pgettext_lazy("money", "to the buyer"), "returned"),
    "in_escrow": Kind(pgettext_lazy("money", "in escrow"), "held", hatched=True),
    "lost": Kind(pgettext_lazy("money", "lost"), "breach"),
}

WORK_KINDS = {
    "succeeded": Kind(_("finished"), "settled"),
    "failed": Kind(_("failed"), "returned"),
    "running": Kind(_("running"), "accent"),
    "pending": Kind(_("waiting"), "held", hatched=True),
}

# A state that ended badly for nobody's money is slate; red is kept for a breach or a loss (the look's first rule).
STATE_TONES = {
    "settled": "active all_succeeded confirmed delivered pass passed published ready released resolved settled"
    " succeeded verified",
    "held": "awaiting_funds draft escrow held holdback inspection offered open pending queued retrying waiting warning",
    "accent": "completed dispatching generating running sending",
    "returned": "all_failed cancelled closed disabled discarded expired failed inactive none off partial refunded"
    " retired withdrawn",
    "breach": "breach breached critical dead exhausted lost p0 p1 revoked",
    "rehearsal": "rehearsal test",
}
TONE_OF_STATE = {state: tone for tone, states in STATE_TONES.items() for state in states.split()}

STATE_LABELS = {
    "all_failed": _("All failed"),
    "all_succeeded": _("All finished"),
    "in_flight": _("In flight"),
    "partial": _("Partly finished"),
    "p0": "P0",
    "p1": "P1",
    "test": _("Test"),
    "pending": _("Waiting"),
    "running": _("Running"),
    "succeeded": _("Finished"),
    "completed": _("Completed"),
    "failed": _("Failed"),
    "refunded": _("Refunded"),
    "cancelled": _("Cancelled"),
    "delivered": _("Delivered"),
    "retrying": _("Retrying"),
    "active": _("Active"),
    "accepted": _("Accepted"),
    "approved": _("Approved"),
    "closed": _("Closed"),
    "confirmed": _("Confirmed"),
    "deleted": _("Deleted"),
    "disabled": _("Disabled"),
    "due": _("Due"),
    "expired": _("Expired"),
    "given_up": _("Given up"),
    "granted": _("Granted"),
    "named": _("Not confirmed"),
    "no_dispatch": _("Nothing sent out"),
    "no_new": _("Nothing new"),
    "paid": _("Paid"),
    "paused": _("Paused"),
    "published": _("Published"),
    "queued": _("Queued"),
    "refused": _("Refused"),
    "replaced": _("Replaced"),
    "requested": _("Requested"),
    "retired": _("Retired"),
    "revealed_once": _("Not used yet"),
    "revoked": _("Revoked"),
    "sent": _("Sent"),
    "stored": _("Stored"),
    "waiting": _("Waiting"),
    "withdrawn": _("Withdrawn"),
}

# The shape says the same as the colour, for those who do not see the colour.
SHAPE_OF_TONE = {
    "settled": "check",
    "held": "ring",
    "accent": "dot",
    "returned": "dash",
    "breach": "cross",
    "rehearsal": "dot",
}


def state_tone(state: str) -> str:
    """The tone of a state by its machine name; slate for a name nobody has given a meaning."""
    return TONE_OF_STATE.get(state.lower(), "returned")


def state_label(state: str) -> object:
    """The word shown for a state: the translated one, or the machine name with spaces."""
    return STATE_LABELS.get(state.lower()) or state.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a bar. Positions are per cent of the whole; `number` is empty where it would not fit."""

    key: str
    label: object
    amount: int
    tone: str
    hatched: bool
    start: str
    width: str
    middle: str
    number: str


def segments_of(
    total: int, amounts: Mapping[str, int], kinds: Mapping[str, Kind], unit: Unit | None = None
) -> list[Segment]:
    """The parts of a bar whose whole is `total`, in the order given; amounts in minor units of `unit`, never negative.

    A part that is not nothing is drawn at least `BAR_SEGMENT_MIN_SHARE_PERCENT` wide, and all are scaled to fit.
    """
    whole = max(total, sum(amounts.values()), 1)
    shares = [
        max(100 * amount / whole, BAR_SEGMENT_MIN_SHARE_PERCENT) if amount > 0 else 0.0 for amount in amounts.values()
    ]
    scale = min(1.0, 100 / sum(shares)) if any(shares) else 1.0
    segments: list[Segment] = []
    start = 0.0
    for (key, amount), raw in zip(amounts.items(), shares, strict=True):
        share = raw * scale
        kind = kinds[key]
        number = number_text(amount, unit) if unit else ""
        needed = len(number) * BAR_NUMBER_CHAR_PX + BAR_NUMBER_PADDING_PX
        segments.append(
            Segment(
                key=key,
                label=kind.label,
                amount=amount,
                tone=kind.tone,
                hatched=kind.hatched,
                start=f"{start:.3f}%",
                width=f"{share:.3f}%",
                middle=f"{start + share / 2:.3f}%",
                number=number if share * BAR_NARROW_WIDTH_PX / 100 >= needed else "",
            )
        )
        start += share
    return segments


def countdown_share(started_at: datetime, due_at: datetime, now: datetime) -> float:
    """How much of the time is left, in per cent from 0 to 100; 0 when the times make no sense."""
    whole = (due_at - started_at).total_seconds()
    if whole <= 0:
        return 0.0
    return min(100.0, max(0.0, 100 * (due_at - now).total_seconds() / whole))


def countdown_stage(share: float) -> str:
    """`calm`, `soon` from a quarter left, `last` from a tenth left."""
    if share <= COUNTDOWN_LAST_SHARE_PERCENT:
        return "last"
    return "soon" if share <= COUNTDOWN_SOON_SHARE_PERCENT else "calm"
