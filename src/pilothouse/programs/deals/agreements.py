"""What both sides must sign: a lower price, a cancellation, a return, the amounts that end a dispute.

A signature stands under one exact content. When the other side has signed the same, it is carried out in the same
transaction; a new proposal of one side replaces its earlier one, so an old signature can never meet a new text.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import Conflict, InvalidInput
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events

from .commands import OTHER, access_deal, check_price, given_back, parts
from .disputes import agree_amounts, check_agreed, end_by_return
from .errors import AmountTooLarge
from .mail_queue import tell
from .models import Agreement, Deal
from .steps import Step, advance, terms_of

SQL = Statements(__file__)


def sign(public_id: str, person: int, kind: str, content: Mapping[str, Any]) -> bool:
    """Sign one proposal; True when the other side had signed the same and it is done. Signed again, it is one.

    `price`: {"price"}; `cancel`: {} before handover, {"returned": true} from the seller in inspection; `return`: the
    same in a dispute; `settlement`: {"amounts": [one for each claim line]}.
    """
    deal, side = access_deal(public_id, person, lock=True)
    if kind not in _CHECKS:
        raise InvalidInput(reason=f"There is nothing called {kind!r} to sign.")
    meant = _CHECKS[kind](deal, content)
    mine = Agreement.objects.filter(deal=deal, kind=kind, side=side, withdrawn_at=None)
    if any(_same(each.content, meant) for each in mine):
        # A second press: the signature stands, and the other side was told.
        return False
    mine.update(withdrawn_at=clock.business_now())
    Agreement.objects.create(
        tenant_id=deal.tenant_id,
        deal=deal,
        kind=kind,
        side=side,
        content=meant,
        signed_by_id=person,
        signed_at=clock.business_now(),
    )
    append_events([NewEvent(deal.tenant_id, "deal", deal.id, "sign", data={"kind": kind, "side": side, **meant})])
    other = Agreement.objects.filter(deal=deal, kind=kind, side=OTHER[side], withdrawn_at=None).first()
    if other is None or not _same(other.content, meant):
        tell("deal", [deal.id])
        return False
    _DONE[kind](deal, side, meant)
    Agreement.objects.filter(deal=deal, kind=kind, withdrawn_at=None).update(withdrawn_at=clock.business_now())
    return True


def _same(signed: Mapping[str, Any], meant: Mapping[str, Any]) -> bool:
    return json.dumps(signed, sort_keys=True) == json.dumps(meant, sort_keys=True)


def unsign(public_id: str, person: int, kind: str) -> bool:
    """Take one's own signature back while the other side has not signed; True when there was one."""
    deal, side = access_deal(public_id, person, lock=True)
    taken = Agreement.objects.filter(deal=deal, kind=kind, side=side, withdrawn_at=None).update(
        withdrawn_at=clock.business_now()
    )
    if taken:
        append_events([NewEvent(deal.tenant_id, "deal", deal.id, "unsign", data={"kind": kind, "side": side})])
    return bool(taken)


def standing(deal: Deal) -> list[Agreement]:
    """The signatures that wait for the other side."""
    return list(Agreement.objects.filter(deal=deal, withdrawn_at=None).order_by("id"))


def _price(deal: Deal, content: Mapping[str, Any]) -> dict[str, Any]:
    if deal.state != "FUNDED" or deal.handover_filed_at is not None:
        raise Conflict(reason="A price can be corrected after payment and before the handover is filed.")
    price = check_price(terms_of(deal), content.get("price", 0))
    if price >= deal.price:
        raise AmountTooLarge(amount=price, maximum=deal.price - terms_of(deal).currency.quantum)
    return {"price": price}


def _correct(deal: Deal, side: str, content: Mapping[str, Any]) -> None:
    less = deal.price - content["price"]
    changes = parts(terms_of(deal), content["price"])
    data = {"reason": "price_corrected", "price": content["price"]}
    key = f"price_corrected:{content['price']}"
    advance([Step(deal, "correct_price", side, returned=less, changes=changes, data=data, key=key)])


def _cancel(deal: Deal, content: Mapping[str, Any]) -> dict[str, Any]:
    if deal.state == "FUNDED" and deal.handover_filed_at is None:
        return {}
    if deal.state == "INSPECTION" and not terms_of(deal).pays_at_handover:
        return _returned(content)
    raise Conflict(reason="This deal can no longer be cancelled by agreement.")


def _returned(content: Mapping[str, Any]) -> dict[str, Any]:
    """Both sign that the item is back: the seller's signature is the confirmation of the return."""
    if content.get("returned") is not True:
        raise InvalidInput(reason="Say that the item was returned: the seller confirms it by signing.")
    return {"returned": True}


def _cancelled(deal: Deal, side: str, content: Mapping[str, Any]) -> None:
    event = "cancel_funded" if deal.state == "FUNDED" else "cancel_in_inspection"
    advance([given_back(deal, event, side, "mutual_cancel")])


def _return(deal: Deal, content: Mapping[str, Any]) -> dict[str, Any]:
    if deal.state != "ISSUE" or deal.stage != "INSPECTION" or terms_of(deal).pays_at_handover:
        raise Conflict(reason="A return needs an open dispute from the inspection, with nothing paid to the seller.")
    return _returned(content)


def _gone_back(deal: Deal, side: str, content: Mapping[str, Any]) -> None:
    end_by_return(deal, side)


def _settlement(deal: Deal, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"amounts": check_agreed(deal, content.get("amounts"))}


def _settled(deal: Deal, side: str, content: Mapping[str, Any]) -> None:
    agree_amounts(deal, side, content["amounts"])


_CHECKS: dict[str, Callable[[Deal, Mapping[str, Any]], dict[str, Any]]] = {
    "price": _price, "cancel": _cancel, "return": _return, "settlement": _settlement
}  # fmt: skip
_DONE: dict[str, Callable[[Deal, str, Mapping[str, Any]], None]] = {
    "price": _correct, "cancel": _cancelled, "return": _gone_back, "settlement": _settled
}  # fmt: skip
