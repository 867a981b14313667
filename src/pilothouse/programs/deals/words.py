"""What the pages of deals say, in the reader's language: states, whose turn it is, what a timer will do, what happened.

Every sentence speaks to one side. Amounts come in as text that is already written for the reader.
"""

from collections.abc import Mapping
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

STATES = {
    "DRAFT": gettext_lazy("Draft"),
    "OFFERED": gettext_lazy("Offered"),
    "AWAITING_FUNDS": gettext_lazy("Waiting for payment"),
    "FUNDED": gettext_lazy("Paid into escrow"),
    "INSPECTION": gettext_lazy("Inspection"),
    "HOLDBACK": gettext_lazy("Approved"),
    "ISSUE": gettext_lazy("In dispute"),
    "SETTLED": gettext_lazy("Settled"),
    "REFUNDED": gettext_lazy("Paid back"),
    "CANCELLED": gettext_lazy("Cancelled"),
    "EXPIRED": gettext_lazy("Ran out"),
}
DISPUTE_STATES = {
    "OPEN": gettext_lazy("Open"),
    "RESPONDED": gettext_lazy("Answered"),
    "RESOLVED": gettext_lazy("Decided"),
    "EXPIRED": gettext_lazy("Ran out"),
    "WITHDRAWN": gettext_lazy("Taken back"),
}
TONES = {
    "SETTLED": "settled",
    "REFUNDED": "returned",
    "CANCELLED": "returned",
    "EXPIRED": "returned",
    "DRAFT": "returned",
}
SIDES = {"buyer": gettext_lazy("Buyer"), "seller": gettext_lazy("Seller")}
TO = {"buyer": gettext_lazy("the buyer"), "seller": gettext_lazy("the seller")}
CODES = {
    "COSMETIC_DAMAGE": gettext_lazy("Cosmetic damage"),
    "LEGAL_ENCUMBRANCE": gettext_lazy("Debt or legal claim on it"),
    "MILEAGE_MISMATCH": gettext_lazy("Mileage is not true"),
    "MISSING_ACCESSORY": gettext_lazy("Missing accessory"),
    "MISSING_DOCUMENTS": gettext_lazy("Missing documents"),
    "UNDISCLOSED_DEFECT": gettext_lazy("Defect that was not told"),
}
EVIDENCE = {
    "DOCUMENT": gettext_lazy("Document"),
    "ODOMETER_PHOTO": gettext_lazy("Photo of the odometer"),
    "PHOTO": gettext_lazy("Photo"),
    "VIDEO": gettext_lazy("Video"),
}
FIELDS = {
    "make": gettext_lazy("Make"),
    "model": gettext_lazy("Model"),
    "year": gettext_lazy("Year"),
    "plate": gettext_lazy("Plate"),
    "vin": gettext_lazy("VIN (frame number)"),
    "odometer_km": gettext_lazy("Odometer, km"),
    "accessories": gettext_lazy("Accessories"),
    "documents": gettext_lazy("Documents"),
    "known_defects": gettext_lazy("Known defects"),
    "serial_number": gettext_lazy("Serial number"),
    "shutter_count": gettext_lazy("Shutter count"),
}
# Numbers of an item that are names, not amounts.
UNGROUPED = ("year",)
CATEGORIES = {
    "USED_CAR_PRIVATE": gettext_lazy("Used car, private sale"),
    "CAMERA_PRIVATE": gettext_lazy("Camera, private sale"),
}
CONTESTS = {
    "not_received": gettext_lazy("I have not received it"),
    "item_wrong": gettext_lazy("It is not what was offered"),
}
ENDINGS = {
    "settled": gettext_lazy("Everything is fine"),
    "largest_offset": gettext_lazy("A claim takes the most that it can"),
    "refunded": gettext_lazy("The deal is undone"),
    "SETTLED": gettext_lazy("Settled"),
    "REFUNDED": gettext_lazy("Paid back"),
    "CANCELLED": gettext_lazy("Cancelled"),
    "EXPIRED": gettext_lazy("Ran out"),
}


def named(words: Mapping[str, Any], key: str) -> str:
    """The words for a key; one that terms have added reads as it is written, with spaces."""
    return str(words.get(key) or key.replace("_", " ").capitalize())


def fact(key: str, value: Any) -> str:
    """What is said of an item, as the reader writes numbers."""
    if isinstance(value, int) and key not in UNGROUPED:
        return formats.number_format(value, use_l10n=True, force_grouping=True)
    return str(value)


def turn(key: str, mine: bool) -> str:
    """What must be done next, said to the one who must do it or to the one who waits."""
    said = {
        ("DRAFT", True): _("Fill in the facts, add photos, then send the offer."),
        ("OFFERED", True): _("Read the offer. If all of it is right, accept it."),
        ("OFFERED", False): _("The other side reads your offer. Give them the link."),
        ("AWAITING_FUNDS", True): _("Pay the price into escrow. It is held there until the terms release it."),
        ("AWAITING_FUNDS", False): _("The buyer pays the price into escrow. Do not hand over anything before."),
        ("FUNDED", True): _("The price is in escrow. Hand it over, then file photos and papers of the handover."),
        ("FUNDED", False): _("Your money is in escrow. The seller hands it over and files the handover."),
        ("FILED", True): _("The seller says that it was handed over. Confirm it, or say what is wrong."),
        ("FILED", False): _("The buyer confirms the handover. If they stay silent, it counts as received."),
        ("INSPECTION", True): _("Look closely. Approve it, or raise an issue before the time is over."),
        ("INSPECTION", False): _("The buyer looks closely. If they stay silent, it counts as approved."),
        ("HOLDBACK", True): _("You approved. You can release the rest now, or raise an issue until the time is over."),
        ("HOLDBACK", False): _("The buyer approved. The rest comes by itself when the time is over."),
        ("OPEN", True): _("The buyer raised an issue. Answer it and add your evidence."),
        ("OPEN", False): _("The seller answers your claim. You can add evidence and agree on amounts."),
    }
    either = {
        "CONTESTED": _("You disagree about the handover. An operator looks at the evidence and decides."),
        "RESPONDED": _("An operator decides by the terms. Until then you two can still agree on amounts."),
        "SETTLED": _("The deal is settled. All the money has left escrow."),
        "REFUNDED": _("The deal was undone. The whole price goes back to the buyer."),
        "CANCELLED": _("The deal was left before anything was paid."),
        "EXPIRED": _("The time ran out before anything was paid."),
    }
    return said.get((key, mine)) or either[key]


def consequence(timer: str, state: str, seller: str, buyer: str, rest: str) -> str:
    """What happens when this timer ends: amounts as text, empty where nothing moves."""
    amounts = {"seller": seller, "buyer": buyer, "rest": rest}
    if timer in ("draft", "offer"):
        return _("Then it ends. Nothing was paid, so nothing moves.")
    if timer == "funding":
        return _("Then the deal ends unpaid. A payment that comes later goes back to its sender.")
    if state == "REFUNDED":
        return _("Then the deal ends and %(buyer)s go back to the buyer: no handover is proven.") % amounts
    if timer in ("handover_confirm", "handover_review"):
        if seller:
            return _("Then it counts as received: %(seller)s go to the seller and the inspection begins.") % amounts
        return _("Then it counts as received and the inspection begins. The money stays in escrow.")
    if timer == "auto_approve" and state == "HOLDBACK":
        return (
            _("Then it counts as approved: %(seller)s go to the seller, %(rest)s stay held back for claims.") % amounts
        )
    if timer == "dispute_ttl":
        return _("Then the terms decide by the evidence: %(buyer)s to the buyer, %(seller)s to the seller.") % amounts
    return _("Then %(seller)s go to the seller and the deal is settled.") % amounts


def because(reason: str) -> str:
    """Why money moves by itself, after "because"."""
    return {
        "no_handover": _("no handover was filed in time"),
        "NOT_HANDED_OVER": _("the handover is not proven"),
        "handover_deemed": _("the buyer did not contest the handover"),
        "HANDOVER_CONFIRMED": _("the handover is proven"),
        "AUTO_APPROVE": _("the inspection time ends without an issue"),
        "HOLDBACK_RELEASE": _("the time for claims ends"),
        "DISPUTE_TTL_EXPIRED": _("nobody decided in time, so the evidence that was filed decides"),
    }.get(reason, "")


def event(kind: str, type_: str, data: Mapping[str, Any]) -> str:
    """One event of a deal or of its dispute as a sentence."""
    if type_ in ("sign", "unsign"):
        return _signature(type_, str(data.get("kind", "")))
    said = {
        "create": _("The draft was made"),
        "offer": _("It was offered"),
        "join": _("The other side opened the invitation"),
        "accept": _("The offer was accepted; both sides are bound to it"),
        "withdraw": _("Left before anything was paid") if kind == "deal" else _("The claim was taken back"),
        "expire_draft": _("The draft ran out"),
        "expire_offer": _("The offer ran out"),
        "expire_funding": _("It was not paid in time"),
        "fund": _("The whole price is in escrow"),
        "correct_price": _("Both agreed on a lower price; the difference goes back to the buyer"),
        "file_handover": _("The seller filed the handover"),
        "contest_handover": _("The buyer contested the handover"),
        "confirm_handover": _("The handover counts; the inspection began"),
        "cancel_funded": _("The deal was undone before the handover; the price goes back to the buyer"),
        "cancel_in_inspection": _("Both agreed to undo the deal; the price goes back to the buyer"),
        "approve": _("Approved; the first part goes to the seller"),
        "settle_approved": _("Approved; the deal is settled"),
        "release_holdback": _("The held-back part goes to the seller; the deal is settled"),
        "raise_issue": _("The buyer raised an issue; what is in escrow stays there"),
        "cancel_in_issue": _("The item went back; the price goes back to the buyer"),
        "settle_issue": _("The dispute ended; the deal is settled"),
        "respond": _("The seller answered the claim"),
        "agree": _("Both agreed on the amounts"),
        "accept_claim": _("The seller accepted the claim"),
        "resolve": _("An operator decided"),
        "mutual_return": _("Both signed that the item went back"),
        "expire": _("Nobody decided in time; the evidence decided"),
    }
    return said.get(type_) or type_.replace("_", " ").capitalize()


def _signature(type_: str, kind: str) -> str:
    what = agreement(kind)
    if type_ == "sign":
        return _("Signed: %(what)s") % {"what": what}
    return _("Signature taken back: %(what)s") % {"what": what}


def agreement(kind: str) -> str:
    """What a signature is for."""
    return {
        "cancel": _("undo the deal"),
        "price": _("a lower price"),
        "return": _("the item went back"),
        "settlement": _("the amounts of the claim"),
    }.get(kind, kind)


def done(verb: str) -> str:
    """What a page says after an act."""
    return {
        "withdraw": _("You left the deal. Nothing was paid."),
        "accept": _("Accepted. Now the buyer pays the price into escrow."),
        "file_handover": _("Filed. Now the buyer confirms the handover."),
        "confirm_handover": _("Confirmed. The inspection has begun."),
        "approve": _("Approved. The first part goes to the seller."),
        "release_early": _("Released. The deal is settled."),
        "accept_claim": _("Accepted. The deal is settled."),
        "withdraw_claim": _("Your claim is taken back. The deal is settled."),
        "signed": _("Signed. It waits for the other side's signature."),
        "both": _("Both have signed the same. It is done."),
        "unsigned": _("Your signature is taken back."),
        "contest": _("Told. An operator looks at it now."),
        "claim": _("Your claim is open. The money stays in escrow until it ends."),
        "respond": _("Your answer is sent."),
        "saved": _("Saved."),
        "added": _("Added."),
    }[verb]
