"""What the desk's pages show of a deal: its timeline in words, its running timer with what it does, its money."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from pilothouse.kernel.base.sql import Row
from pilothouse.ui.units import amount_text

from . import words
from .desk_words import AUDIT, EVENTS, REASONS, TIMERS
from .forecast import forecast
from .models import Deal, Dispute

CODED = (words.CODES, words.EVIDENCE, words.FIELDS, words.STATES, words.DISPUTE_STATES, words.CONTESTS, REASONS)


def coded(code: str) -> str:
    """A machine's code in the words of the deal room; one that terms have added as it is written, with spaces."""
    found: Mapping[str, Any] = next((each for each in CODED if code in each), {})
    return words.named(found, code)


def history(events: Sequence[Row], held: Deal) -> list[dict[str, Any]]:
    """Events for the timeline component, the newest first, each with the money it moved."""
    return [_event(event, held) for event in reversed(events)]


def _event(event: Row, held: Deal) -> dict[str, Any]:
    data = event["data"] or {}
    parts = [str(EVENTS.get(event["type"], coded(event["type"])))]
    if event["subject_kind"] == "deal":
        for key, words in (("to_seller", _("%(amount)s to the seller")), ("to_buyer", _("%(amount)s to the buyer"))):
            if data.get(key):
                parts.append(words % {"amount": amount_text(data[key], held.unit)})
    reason = data.get("reason", "")
    if reason:
        parts.append(str(AUDIT.get(reason, coded(reason))))
    moved = (data.get("to_seller") or 0) + (data.get("to_buyer") or 0) if event["subject_kind"] == "deal" else 0
    if event["type"] == "fund":
        moved = held.funded
    return {
        "at": event["at"],
        "actor": event["actor"],
        "type": event["type"],
        "sentence": " · ".join(parts) + ".",
        "amount": moved or None,
    }


def running(held: Deal, facts: Row, timer: Row | None, dispute: Dispute | None) -> dict[str, Any] | None:
    """The running timer for the countdown component, with the sentence of what it does; None when nothing runs."""
    if timer is None:
        return None
    will = forecast(held, timer["name"], timer["due_at"], dispute)
    parts = []
    if will.to_buyer:
        parts.append(_("%(amount)s goes to the buyer") % {"amount": amount_text(will.to_buyer, held.unit)})
    if will.to_seller:
        parts.append(_("%(amount)s goes to the seller") % {"amount": amount_text(will.to_seller, held.unit)})
    words = {"timer": TIMERS[timer["name"]], "what": _(" and ").join(parts) or _("no money moves")}
    return {**timer, "now": facts["now"], "consequence": _("If nobody acts: %(what)s (%(timer)s).") % words}


def money_of(held: Deal) -> dict[str, int] | None:
    """Where the price is, for the money bar; None before it came."""
    if not held.funded:
        return None
    return {
        "total": held.funded - held.returned,
        "to_seller": held.to_seller,
        "to_buyer": held.to_buyer,
        "in_escrow": held.in_escrow,
    }
