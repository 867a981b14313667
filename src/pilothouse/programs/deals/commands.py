"""Verbs on deals for the two sides: make, offer, join, accept, hand over, approve, release, withdraw.

Each is one transaction in the tenant's scope and begins by locking the deal, so that of two people who act at once,
or of a person and a timer, one finds the state the other left. `person` is the row id of who acts; the side follows
from the deal, never from the request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from pilothouse.kernel.access.commands import checked_email, hash_of, new_secret
from pilothouse.kernel.access.invitations import admit
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.canonical import canonical_sha256
from pilothouse.kernel.base.errors import Conflict, InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.ledger.commands import open_accounts
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, arm
from pilothouse.kernel.watch.queries import refuse_if_paused

from . import arithmetic, limits
from .errors import (
    AmountNotQuantized,
    AmountTooLarge,
    AmountTooSmall,
    EvidenceMissing,
    NotYourSide,
    SamePerson,
    TermsChanged,
)
from .mail_queue import remind, tell
from .models import Deal
from .steps import Step, advance, terms_of, timer_seconds
from .switch import refuse_if_disabled
from .terms import DealTerms, in_force
from .words import FIELDS, named

SQL = Statements(__file__)
PROGRAM_NAME = "deals"
OTHER = {"buyer": "seller", "seller": "buyer"}


def access_deal(public_id: str, person: int, *, lock: bool = False) -> tuple[Deal, str]:
    """The deal and the side on which this person stands. Anybody else's deal does not exist (NotFound)."""
    found = _deal(public_id, lock)
    if found is None or person not in (found.buyer_id, found.seller_id):
        raise NotFound(what="deal")
    return found, "buyer" if person == found.buyer_id else "seller"


def lock_deal(public_id: str) -> Deal:
    """The deal with its row locked, for an operator or a timer."""
    found = _deal(public_id, lock=True)
    if found is None:
        raise NotFound(what="deal")
    return found


def _deal(public_id: str, lock: bool) -> Deal | None:
    rows = Deal.objects.filter(public_id=public_id)
    # The deal before its timers, here and where they fire: whoever waits for it holds nothing that its owner wants.
    return (rows.select_for_update() if lock else rows).first()


def check_amount(terms: DealTerms, amount: int, maximum: int = limits.PRICE_MAX_MINOR) -> int:
    """`amount` when it is a whole positive multiple of the currency's quantum and not above `maximum`."""
    currency = terms.currency
    if type(amount) is not int or amount <= 0 or amount % currency.quantum:
        raise AmountNotQuantized(amount=amount, quantum=currency.quantum, currency=currency.code)
    if amount > maximum:
        raise AmountTooLarge(amount=amount, maximum=maximum)
    return amount


def check_price(terms: DealTerms, price: int) -> int:
    """A price that can be split into parts that mean something."""
    check_amount(terms, price)
    least = limits.PRICE_MIN_QUANTA * terms.currency.quantum
    if price < least:
        raise AmountTooSmall(amount=price, minimum=least, currency=terms.currency.code)
    return price


def parts(terms: DealTerms, price: int) -> dict[str, int]:
    """The columns that follow from a price: the immediate part and the holdback."""
    immediate, holdback = arithmetic.split(price, terms.holdback_bps, terms.currency.quantum)
    return {"price": price, "immediate": immediate, "holdback": holdback}


def create_deal(
    *, person: int, side: str, template: str, price: int, title: str, item: Mapping[str, Any] | None = None
) -> Deal:
    """A draft, pinned for life to the terms in force. Raises PilotDisabled, PilotFull, Paused or InvalidInput."""
    tenant = current_scope().tenant
    assert tenant is not None
    refuse_if_disabled(tenant)
    refuse_if_paused(PROGRAM_NAME, tenant)
    if side not in OTHER:
        raise InvalidInput(reason="side must be buyer or seller.")
    terms = in_force(template)
    check_price(terms, price)
    deal = Deal.objects.create(
        tenant_id=tenant,
        public_id=new_id("deal"),
        template=terms.name,
        terms_version=terms.version,
        terms_hash=terms.hash,
        unit=terms.currency.code,
        first_price=price,
        **parts(terms, price),
        title=_text(title, "title"),
        item=check_item(terms, item or {}, whole=False),
        creator_side=side,
        created_by_id=person,
        buyer_id=person if side == "buyer" else None,
        seller_id=person if side == "seller" else None,
        created_at=clock.business_now(),
    )
    arm("deal", "draft", [(tenant, deal.id)], timer_seconds(deal, "draft"))
    # With the terms in its sealed beginning, an export shows by which rules the deal counts, and that none is left out.
    began = {"price": price, "unit": deal.unit, "side": side, "template": deal.template, "terms": deal.terms_hash}
    append_events([NewEvent(tenant, "deal", deal.id, "create", data=began)])
    remind("deal", [deal.id])
    return deal


def edit_draft(public_id: str, person: int, *, price: int, title: str, item: Mapping[str, Any]) -> Deal:
    """Change a draft; once offered nothing of it changes any more."""
    deal, side = access_deal(public_id, person, lock=True)
    if deal.state != "DRAFT" or side != deal.creator_side:
        raise Conflict(reason="Only a draft can be changed, by the side that made it.")
    terms = terms_of(deal)
    check_price(terms, price)
    shown = check_item(terms, item, whole=False)
    Deal.objects.filter(id=deal.id).update(
        title=_text(title, "title"), item=shown, first_price=price, **parts(terms, price)
    )
    return _again(deal)


def check_item(terms: DealTerms, item: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """What is sold, by the fields of the terms. `whole` asks for every field, as an offer does."""
    fields = terms.item_fields
    if unknown := sorted(set(item) - set(fields)):
        raise InvalidInput(reason=_("The item has the unknown field %(name)s.") % {"name": repr(unknown[0])})
    if whole and (missing := [name for name in fields if item.get(name) in (None, "")]):
        name = named(FIELDS, missing[0])
        # Within a sentence a word begins small, but for an abbreviation.
        name = name if name[1:2].isupper() else name.lower()
        raise InvalidInput(reason=_("Say the %(name)s of the item before you offer it.") % {"name": name})
    shown: dict[str, Any] = {}
    for name, value in item.items():
        if value in (None, ""):
            continue
        if fields[name] == "whole_number":
            if type(value) is not int or not 0 <= value < 10**9:
                raise InvalidInput(reason=_("%(name)s must be a whole number.") % {"name": name})
            shown[name] = value
        else:
            long = fields[name] == "long_text"
            shown[name] = _text(value, name, limits.NOTE_MAX_CHARACTERS if long else limits.FIELD_MAX_CHARACTERS)
    return shown


def _text(value: Any, name: str, maximum: int = limits.FIELD_MAX_CHARACTERS) -> str:
    if not isinstance(value, str) or not value.strip() or "\x00" in value or len(value) > maximum:
        raise InvalidInput(
            reason=_("%(name)s must be text of 1 to %(maximum)s characters.") % {"name": name, "maximum": maximum}
        )
    return value.strip()


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer and the secret of its one-time link, which is shown once and never stored."""

    deal: Deal
    secret: str


def offer(public_id: str, person: int, *, own_email: str, email: str = "") -> Offered:
    """Offer the deal to the other side, by mail address or by the one-time link alone."""
    deal, side = access_deal(public_id, person, lock=True)
    _only(deal.creator_side, side)
    terms = terms_of(deal)
    check_item(terms, deal.item, whole=True)
    photos = SQL.rows("item_photos", deal=deal.id)
    if len(photos) < terms.body["itemPhotosMin"]:
        raise EvidenceMissing(
            missing=_("at least %(least)s photos of the item") % {"least": terms.body["itemPhotosMin"]}
        )
    address = checked_email(email) if email else ""
    if address and address == checked_email(own_email):
        raise SamePerson()
    secret = new_secret()
    changes = {
        "offer_hash": offer_hash(deal, [photo["sha256"] for photo in photos]),
        "invited_email": address,
        "invitation_hash": hash_of(secret),
    }
    # Whoever is no member yet joins by the same mailed link. Its other half is not shown to the one who offers.
    joining = admit(deal.tenant_id, address, OTHER[side]) if address else ""
    advance([Step(deal, "offer", side, changes=changes, stamps=["offered_at"], secret=f"{secret} {joining}".strip())])
    return Offered(_again(deal), secret)


def offer_hash(deal: Deal, photos: list[str]) -> str:
    """SHA-256 of what both sides promise: price, item, photos and pinned terms, as canonical JSON."""
    promised = {
        "deal": deal.public_id, "price": deal.price, "unit": deal.unit, "item": deal.item, "title": deal.title,
        "photos": sorted(photos), "terms": deal.terms_hash,
    }  # fmt: skip
    return canonical_sha256(promised)


def join(secret: str, person: int, *, own_email: str) -> Deal:
    """Take the free side of an offer with its link's secret. The link then belongs to this person alone."""
    hashed = hash_of(secret)
    deal = Deal.objects.select_for_update().filter(invitation_hash=hashed).first()
    if deal is None or deal.state != "OFFERED":
        raise NotFound(what="open offer")
    free = OTHER[deal.creator_side]
    if deal.person(free) == person:
        return deal
    if deal.person(deal.creator_side) == person:
        raise SamePerson()
    if deal.person(free) is not None:
        raise NotFound(what="open offer")
    if deal.invited_email and deal.invited_email != checked_email(own_email):
        raise NotFound(what="open offer")
    assert current_scope().tenant == deal.tenant_id
    Deal.objects.filter(id=deal.id).update(**{f"{free}_id": person})
    append_events([NewEvent(deal.tenant_id, "deal", deal.id, "join", data={"side": free})])
    tell("deal", [deal.id])
    return _again(deal)


def accept(public_id: str, person: int, *, seen_hash: str) -> Deal:
    """Accept an offer as it was read: `seen_hash` is the offer's hash on the page or in the API answer."""
    deal, side = access_deal(public_id, person, lock=True)
    _only(OTHER[deal.creator_side], side)
    if seen_hash != deal.offer_hash:
        raise TermsChanged()
    wanted = [(kind, deal.public_id, deal.unit) for kind in ("escrow", "payable", "refund_due")]
    escrow, payable, refund_due = open_accounts(deal.tenant_id, wanted)
    changes = {
        "escrow_account": escrow, "seller_account": payable, "buyer_account": refund_due, "invitation_hash": None
    }  # fmt: skip
    advance([Step(deal, "accept", side, changes=changes, stamps=["accepted_at"])])
    return _again(deal)


def withdraw(public_id: str, person: int) -> Deal:
    """Leave a deal in which nothing is paid yet."""
    deal, side = access_deal(public_id, person, lock=True)
    reason = "withdrawn" if side == deal.creator_side else "declined"
    advance([Step(deal, "withdraw", side, reason, changes={"invitation_hash": None})])
    return _again(deal)


def fund(deal: Deal, sources: Sequence[tuple[int, int]]) -> None:
    """The whole price is there, in these accounts of this tenant: hold it in escrow (payments calls this)."""
    advance([Step(deal, "fund", "system", funded=deal.price, sources=sources, stamps=["funded_at"])])


def file_handover(public_id: str, person: int) -> Deal:
    """The seller says that the item was handed over, with the evidence that the terms ask for."""
    deal, side = access_deal(public_id, person, lock=True)
    _only("seller", side)
    if deal.handover_filed_at is not None:
        raise Conflict(reason="The handover is filed already.")
    if missing := missing_handover_evidence([deal])[deal.id]:
        raise EvidenceMissing(missing=", ".join(missing))
    advance([Step(deal, "file_handover", side, stamps=["handover_filed_at"])])
    return _again(deal)


def missing_handover_evidence(deals: Sequence[Deal]) -> dict[int, list[str]]:
    """The types of handover evidence that the terms ask for and the seller has not filed, by the deal's row id."""
    filed = {row["deal"]: row["types"] for row in SQL.rows("handover_evidence", deals=[deal.id for deal in deals])}
    return {
        deal.id: [
            kind for kind in terms_of(deal).body["requiredHandoverEvidence"] if kind not in filed.get(deal.id, ())
        ]
        for deal in deals
    }


def contest_handover(public_id: str, person: int, *, reason: str, note: str) -> Deal:
    """The buyer says that the handover did not happen as filed; an operator decides, or the review timer."""
    deal, side = access_deal(public_id, person, lock=True)
    _only("buyer", side)
    if deal.handover_filed_at is None or deal.contested_at is not None:
        raise Conflict(reason="There is no filed handover to contest.")
    changes = {"contest_reason": reason, "contest_note": _text(note, "note", limits.NOTE_MAX_CHARACTERS)}
    advance([Step(deal, "contest_handover", side, reason, changes=changes, stamps=["contested_at"])])
    return _again(deal)


def confirm_handover(public_id: str, person: int) -> Deal:
    """The buyer has received the item; inspection begins, and under HANDOVER terms the immediate part is paid."""
    deal, side = access_deal(public_id, person, lock=True)
    _only("buyer", side)
    if deal.handover_filed_at is None:
        raise Conflict(reason="The seller has not filed the handover yet.")
    advance([handed_over(deal, side, "received")])
    return _again(deal)


def handed_over(deal: Deal, role: str, reason: str, data: Mapping[str, Any] | None = None) -> Step:
    """The step into inspection."""
    paid = deal.immediate if terms_of(deal).pays_at_handover else 0
    return Step(deal, "confirm_handover", role, reason, to_seller=paid, stamps=["handover_at"], data=data or {})


def given_back(deal: Deal, event: str, role: str, reason: str, data: Mapping[str, Any] | None = None) -> Step:
    """The step by which the buyer gets back all that is in escrow."""
    return Step(deal, event, role, reason, to_buyer=deal.in_escrow, data=data or {})


def approve(public_id: str, person: int) -> Deal:
    """The buyer is content: the next part is paid, and under APPROVAL terms the claim window begins."""
    deal, side = access_deal(public_id, person, lock=True)
    _only("buyer", side)
    advance([approved(deal, side, "approved")])
    return _again(deal)


def approved(deal: Deal, role: str, reason: str) -> Step:
    """The step out of inspection: to HOLDBACK where something is held back for claims, else to the end."""
    if terms_of(deal).pays_at_handover or deal.holdback == 0:
        return Step(deal, "settle_approved", role, reason, to_seller=deal.in_escrow, stamps=["approved_at"])
    return Step(deal, "approve", role, reason, to_seller=deal.immediate, stamps=["approved_at"])


def release_early(public_id: str, person: int) -> Deal:
    """The buyer releases the holdback before its window ends."""
    deal, side = access_deal(public_id, person, lock=True)
    _only("buyer", side)
    advance([Step(deal, "release_holdback", side, "released_early", to_seller=deal.in_escrow)])
    return _again(deal)


def _only(wanted: str, side: str) -> None:
    if side != wanted:
        raise NotYourSide(side=wanted)


def _again(deal: Deal) -> Deal:
    return Deal.objects.get(id=deal.id)
