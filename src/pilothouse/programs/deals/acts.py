"""What a person can do in a deal room now: the button, and what it will do, said before it is done."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from pilothouse.ui.units import amount_text

from .arithmetic import OFFSET_AS_CLAIMED
from .commands import missing_handover_evidence
from .disputes import settlement_of
from .models import ClaimLine, Deal
from .queries import actions, open_dispute
from .steps import terms_of

FIRST = ("accept", "fund", "file_handover", "confirm_handover", "approve", "respond")


@dataclass(frozen=True, slots=True)
class Act:
    """One button. With `sentence` it asks once, showing the result; without, it leads to a page of its own."""

    name: str
    verb: str
    url: str
    sentence: str = ""
    title: str = ""
    danger: bool = False
    # Why it cannot be done yet.
    missing: str = ""

    @property
    def primary(self) -> bool:
        """Whether this is what the page is for."""
        return self.name in FIRST and not self.missing


def acts_of(deal: Deal, side: str, seen: str, signed: set[str]) -> list[Act]:
    """The buttons of this side; `signed` are the kinds that it has signed and that wait for the other side."""
    made = []
    for name in actions(deal, side):
        if name in signed or name in ("edit_draft", "offer", "add_evidence"):
            continue
        act = _page(name, deal, side) or _asked(name, deal, f"?seen={seen}")
        if act is not None:
            made.append(act)
    # What the page is for comes first, and what undoes the deal last.
    return sorted(made, key=lambda act: (not act.primary, act.danger))


def _page(name: str, deal: Deal, side: str) -> Act | None:
    verbs = {
        "fund": _("Pay %(price)s into escrow") % {"price": amount_text(deal.price, deal.unit)},
        "correct_price": _("Agree on a lower price"),
        "contest_handover": _("Say that something is wrong"),
        "raise_issue": _("Raise an issue"),
        "respond": _("Answer the claim"),
        "agree": _("Agree on amounts"),
    }
    urls = {
        "fund": "fund", "correct_price": "price", "contest_handover": "contest", "raise_issue": "claim",
        "respond": "respond", "agree": "agree",
    }  # fmt: skip
    if name not in verbs:
        return None
    return Act(name, verbs[name], reverse(f"deals:{urls[name]}", args=[deal.public_id]))


def _asked(name: str, deal: Deal, query: str) -> Act | None:
    found = _results(name, deal)
    if found is None:
        return None
    verb, title, sentence = found
    url = reverse("deals:act", args=[deal.public_id, name]) + query
    missing = ""
    if name == "file_handover" and missing_handover_evidence([deal])[deal.id]:
        missing = _("Add the photos and papers of the handover first.")
    return Act(name, verb, url, sentence, title, name in ("withdraw", "cancel", "return", "withdraw_claim"), missing)


def _results(name: str, deal: Deal) -> tuple[str, str, str] | None:
    """(verb, title, what will be after it)."""
    terms = terms_of(deal)
    amounts: dict[str, Any] = {
        "price": amount_text(deal.price, deal.unit),
        "first": amount_text(deal.immediate, deal.unit),
        "rest": amount_text(deal.holdback, deal.unit),
        "escrow": amount_text(deal.in_escrow, deal.unit),
        "hours": terms.hours("inspectionTtlDays"),
        "claims": terms.hours("disputeTtlHours"),
    }
    match name:
        case "accept":
            sentence = _(
                "You are bound to the price of %(price)s, the facts, the photos and the terms as they stand here. "
                "Then the buyer pays the whole price into escrow."
            )
            return _("Accept the offer"), _("Accept this offer?"), sentence % amounts
        case "withdraw":
            return _("Leave the deal"), _("Leave this deal?"), _("It ends for both. Nothing was paid, nothing moves.")
        case "file_handover":
            sentence = _("You say that it was handed over. The buyer confirms it, or contests it with a reason.")
            return _("File the handover"), _("File the handover?"), sentence
        case "confirm_handover":
            return _("Confirm the handover"), _("Have you received it?"), _received(terms.pays_at_handover) % amounts
        case "approve":
            return _approval(terms.pays_at_handover or deal.holdback == 0, amounts)
        case "release_early":
            sentence = _(
                "%(escrow)s go to the seller now and the deal is settled. You can no longer raise an issue. "
                "This cannot be undone."
            )
            verb = _("Release %(escrow)s to the seller") % amounts
            return verb, _("Release the rest now?"), sentence % amounts
        case "cancel" | "return":
            return _undone(name, deal, amounts)
        case "accept_claim":
            return _claim_accepted(deal)
        case "withdraw_claim":
            sentence = _("%(escrow)s go to the seller and the deal is settled. You cannot raise an issue again.")
            return _("Take the claim back"), _("Take the claim back?"), sentence % amounts
    return None


def _received(pays_at_handover: bool) -> str:
    if pays_at_handover:
        return _("%(first)s go to the seller now; %(rest)s stay in escrow. You have %(hours)s hours to look closely.")
    return _("The whole price stays in escrow. You have %(hours)s hours to look closely and to raise an issue.")


def _approval(is_last: bool, amounts: dict[str, Any]) -> tuple[str, str, str]:
    if is_last:
        verb = _("Approve and release %(escrow)s")
        sentence = _("%(escrow)s go to the seller and the deal is settled. This cannot be undone.")
    else:
        verb = _("Approve and release %(first)s")
        sentence = _(
            "%(first)s go to the seller now and cannot come back. %(rest)s stay held back for %(claims)s hours: "
            "a claim after this can reach no more than that."
        )
    return verb % amounts, _("Approve it?"), sentence % amounts


def _undone(name: str, deal: Deal, amounts: dict[str, Any]) -> tuple[str, str, str]:
    if name == "cancel" and deal.state == "FUNDED":
        sentence = _("When both have signed, %(escrow)s go back to the buyer and the deal ends.")
        return _("Sign to undo the deal"), _("Undo this deal?"), sentence % amounts
    sentence = _(
        "You sign that the item is back with the seller. When both have signed, %(escrow)s go back to the buyer."
    )
    return _("Sign that the item went back"), _("Has the item gone back?"), sentence % amounts


def _claim_accepted(deal: Deal) -> tuple[str, str, str] | None:
    dispute = open_dispute(deal)
    if dispute is None:
        return None
    count = ClaimLine.objects.filter(dispute=dispute).count()
    parted = settlement_of(deal, dispute, [OFFSET_AS_CLAIMED] * count)
    amounts = {
        "buyer": amount_text(parted.to_buyer, deal.unit),
        "seller": amount_text(parted.to_seller, deal.unit),
    }
    sentence = _("%(buyer)s go to the buyer and %(seller)s to you; the deal is settled. This cannot be undone.")
    return _("Accept the claim: %(buyer)s") % amounts, _("Accept the claim?"), sentence % amounts
