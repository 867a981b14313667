"""What the operations on deals take and give, for /openapi.json. Amounts are whole minor units of the deal's `unit`."""

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import Field

from pilothouse.kernel.base.openapi import Next, Ok

DEAL, DISPUTE, FILE = (f"{prefix}_01m7y7ar27xbx1ym9x17zb8bhs" for prefix in ("deal", "dis", "file"))
AT, DUE = "2026-03-02T09:00:00Z", "2026-03-05T09:00:00Z"
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def _f(description: str, example: Any) -> Any:
    return Field(description=description, examples=[example])


class DealTimerOut(Schema):
    """A running timer."""

    name: str = _f("Which timer.", "auto_approve")
    due_at: datetime = _f("When it ends.", DUE)
    armed_at: datetime = _f("Since when it runs.", AT)


class ForecastOut(Schema):
    """What happens if nobody does anything."""

    timer: str = _f("The timer that ends first.", "auto_approve")
    due_at: datetime = _f("When.", DUE)
    state: str = _f("The state that the deal is in then.", "HOLDBACK")
    reason: str = _f("The reason code of that step.", "AUTO_APPROVE")
    to_seller: int = _f("What the seller gets then.", 2550000000)
    to_buyer: int = _f("What the buyer gets then.", 0)
    then_at: datetime | None = _f("When the last of the money leaves, if still nobody acts; null when nothing is left.",
                                  "2026-03-07T09:00:00Z")  # fmt: skip


class EndingOut(Schema):
    """One end that is still possible, and what each side has in all when it comes."""

    name: str = _f("Which end: settled, largest_offset or refunded, or the state of a deal that has ended.", "settled")
    to_seller: int = _f("What the seller has in all.", 3000000000)
    to_buyer: int = _f("What the buyer has in all.", 0)


class DealMoneyOut(Schema):
    """Where the money of a deal is. funded = returned + in_escrow + to_seller + to_buyer, always."""

    immediate: int = _f("The part that is paid first.", 2550000000)
    holdback: int = _f("The part that is held back for claims.", 450000000)
    funded: int = _f("What came in.", 3000000000)
    returned: int = _f("What went back to the buyer because the price was corrected.", 0)
    in_escrow: int = _f("What is held.", 3000000000)
    to_seller: int = _f("What the seller was given.", 0)
    to_buyer: int = _f("What the buyer was given by a claim or a cancellation.", 0)


class SignatureOut(Schema):
    """A proposal that one side signed and the other has not."""

    kind: str = _f("price, cancel, return or settlement.", "price")
    side: str = _f("Who signed.", "seller")
    content: dict[str, Any] = _f("What stands above the signature.", {"price": 2800000000})
    signed_at: datetime = _f("When.", AT)


class ClaimLineOut(Schema):
    """One line of a claim."""

    line: int = _f("Its number, from 1.", 1)
    code: str = _f("The reason code, one of the terms.", "COSMETIC_DAMAGE")
    claimed: int = _f("What the buyer asks for.", 60000000)
    cap: int = _f("The most that this reason can give.", 90000000)
    counter: int | None = _f("What the seller offers instead, if anything.", 30000000)
    outcome: str | None = _f("How it ended; null while it is open.", "OFFSET_AS_CLAIMED")
    granted: int | None = _f("What it gave the buyer; null while it is open.", 60000000)
    note: str = _f("What is wrong, in the buyer's words.", "A dent in the left door that no photo showed.")


class DealDisputeOut(Schema):
    """The claim on a deal."""

    dispute_id: str = _f("Its id.", DISPUTE)
    state: str = _f("OPEN, RESPONDED, RESOLVED, EXPIRED or WITHDRAWN.", "OPEN")
    raised_in: str | None = _f("The state of the deal in which it was raised.", "INSPECTION")
    opened_at: datetime = _f("Since when.", AT)
    due_at: datetime = _f("When it ends by itself.", DUE)
    response: str | None = _f("What the seller answered: contest or counter.", "counter")
    ended_by: str | None = _f("The reason code of its end.", "OFFSET_AS_CLAIMED")
    granted: int | None = _f("What all lines gave the buyer.", 60000000)
    lines: list[ClaimLineOut] = Field(description="The lines, in order.")


class EvidenceOut(Schema):
    """One file that a side put forward."""

    file_id: str = _f("The file.", FILE)
    purpose: str = _f("item, handover, claim or response.", "claim")
    side: str = _f("Who put it forward.", "buyer")
    type: str = _f("What it stands for.", "PHOTO")
    line: int | None = _f("The claim line that it belongs to.", 1)
    caption: str = _f("Its caption.", "The left door")
    sha256: str = _f("The hash of the kept bytes.", HASH)
    content_type: str = _f("Its type.", "image/jpeg")
    bytes: int = _f("Its size.", 184320)
    url: str = _f("A link to it that ends soon; ask again for a new one.", "https://market.example.com/files/AbC")
    added_at: datetime = _f("When.", AT)


class DealRowOut(Schema):
    """A deal in a list."""

    deal_id: str = _f("Its id.", DEAL)
    state: str = _f("Its state.", "INSPECTION")
    side: str = _f("On which side you stand.", "buyer")
    title: str = _f("What is sold.", "Toyota Prius 30, 2012")
    template: str = _f("Country and category of its terms.", "MN_USED_CAR_PRIVATE")
    terms_version: int = _f("The version of the terms to which it is pinned.", 1)
    unit: str = _f("The currency of every amount.", "MNT")
    price: int = _f("The price.", 3000000000)
    in_escrow: int = _f("What is held.", 3000000000)
    timer: str | None = _f("The running timer.", "auto_approve")
    due_at: datetime | None = _f("When that ends.", DUE)
    created_at: datetime = _f("Since when it is there.", AT)
    ended_at: datetime | None = _f("When it ended.", "2026-03-07T09:00:00Z")
    ended_by: str | None = _f("The reason code of its end.", "HOLDBACK_RELEASE")


class DealsOut(Schema):
    """A page of your deals."""

    ok: Ok
    deals: list[DealRowOut] = Field(description="The deals, newest first.")
    next: Next


class DealOut(Schema):
    """A deal as one of its sides sees it."""

    ok: Ok
    deal_id: str = _f("Its id.", DEAL)
    state: str = _f("Its state.", "INSPECTION")
    side: str = _f("On which side you stand.", "buyer")
    title: str = _f("What is sold.", "Toyota Prius 30, 2012")
    item: dict[str, Any] = _f("What is said of it, by the fields of the terms.", {"make": "Toyota", "year": 2012})
    template: str = _f("Country and category of its terms.", "MN_USED_CAR_PRIVATE")
    terms_version: int = _f("The version of the terms to which it is pinned.", 1)
    terms_hash: str = _f("The hash of those terms.", HASH)
    offer_hash: str = _f("The hash of all that is promised; give it to accept. Empty before the offer.", HASH)
    unit: str = _f("The currency of every amount.", "MNT")
    price: int = _f("The price that is being settled.", 3000000000)
    first_price: int = _f("The price before a correction.", 3000000000)
    money: DealMoneyOut = Field(description="Where the money is.")
    timer: DealTimerOut | None = Field(description="The running timer; null once the deal has ended.")
    forecast: ForecastOut | None = Field(description="What happens if nobody does anything.")
    endings: list[EndingOut] = Field(description="The ends that are still possible.")
    actions: list[str] = _f("What you can do now.", ["approve", "raise_issue"])
    signatures: list[SignatureOut] = Field(description="Proposals that wait for the other side.")
    dispute: DealDisputeOut | None = Field(description="The claim, if one was raised.")
    evidence: list[EvidenceOut] = Field(description="The files of both sides, oldest first.")
    created_at: datetime = _f("Since when it is there.", AT)
    ended_at: datetime | None = _f("When it ended.", "2026-03-07T09:00:00Z")
    ended_by: str | None = _f("The reason code of its end.", "HOLDBACK_RELEASE")
    invitation: str | None = _f(
        "Only in the answer to the offer: the secret of the one-time link for the other side, shown once.",
        "pJ3vWmQ8d2",
    )


class DealEventOut(Schema):
    """One event of a deal's timeline."""

    at: datetime = _f("When, in business time.", AT)
    actor: str = _f("Who: a side of the deal, an operator, a timer, or the system.", "buyer")
    about: str = _f("deal or dispute.", "deal")
    type: str = _f("What happened.", "confirm_handover")
    data: dict[str, Any] = _f("Its values, with the money that it moved.", {"to_seller": 0, "unit": "MNT"})


class DealTimelineOut(Schema):
    """The timeline of a deal and of its dispute."""

    ok: Ok
    deal_id: str = _f("The deal.", DEAL)
    events: list[DealEventOut] = Field(description="The events in their order.")


class DealFileOut(Schema):
    """A file that was stored for a deal."""

    ok: Ok
    file_id: str = _f("Its id, to be named where it is put forward.", FILE)
    sha256: str = _f("The hash of the kept bytes; an image is kept as its pixels alone.", HASH)
    content_type: str = _f("Its type, judged by its content.", "image/jpeg")
    bytes: int = _f("Its size.", 184320)


def field(kind: str, description: str, example: Any, **more: Any) -> dict[str, Any]:
    """One property of a body."""
    return {"type": kind, "description": description, "example": example, **more}


def obj(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    """A body: an object of these properties and no others."""
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}
