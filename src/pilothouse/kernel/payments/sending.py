"""Sending money out as operators do it: alone up to a limit, above it by asking a second one.

What one operator may not send alone is kept as a request. The second operator's approval does it, in the same
transaction; a refusal or a week without an answer leaves everything as it was.
"""

from dataclasses import dataclass

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import Conflict, Forbidden, InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply, arm, cancel
from pilothouse.kernel.lifecycle.timers import on_timer

from . import limits, outgoing
from .errors import BankAccountMissing, NotPayable, RequestWaits
from .incoming import bank_reference, check_no_refund, lock_payments, send_back
from .lifecycle import SEND_REQUEST
from .models import SendRequest
from .refunds import give_up_failed, order_refund

SQL = Statements(__file__)
TIMER = "send_request_expiry"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a wish: `sent`, `ordered` (through the processor) or `requested`, then with the request's id."""

    state: str
    amount: int
    unit: str
    request: str = ""


def send_payout(public_id: str, reference: str) -> Sent:
    """A due payout was sent by the bank, or waits for a second operator. Raises BankAccountMissing before either."""
    payout = outgoing.lock_payout(public_id)
    reference = bank_reference(reference)
    if payout.state != "due":
        raise Conflict(reason=f"{public_id} is {payout.state}; only what is due can be sent.")
    if outgoing.account_of(payout) is None:
        raise BankAccountMissing(person=f"The {payout.side}", unit=payout.unit)
    if payout.amount >= limits.SECOND_PERSON_FROM_MINOR:
        return _request("payout", payout.tenant_id, public_id, payout.amount, payout.unit, reference)
    outgoing.send(public_id, reference=reference, sent_by=current_scope().actor)
    return Sent("sent", payout.amount, payout.unit)


def send_payment_back(public_id: str, reference: str = "") -> Sent:
    """The rest of a payment goes back: by the bank with its reference, a card's through the processor without one.

    Above the limit it waits for a second operator. A reference for a card payment says that it went by the bank.
    """
    (payment,) = lock_payments([public_id])
    if payment.rest == 0:
        raise NotPayable(subject=public_id)
    if payment.source == "bank" or reference.strip():
        reference = bank_reference(reference)
    check_no_refund(payment)
    if payment.rest >= limits.SECOND_PERSON_FROM_MINOR:
        return _request("send_back", payment.tenant_id, public_id, payment.rest, payment.unit, reference)
    return _back(public_id, reference, current_scope().actor, "")


def approve_sending(request: str) -> Sent:
    """Approve another operator's request: it is done now. Answered twice by one person it is done once."""
    row = _locked(request)
    actor = current_scope().actor
    if (row.state, row.decided_by) == ("approved", actor):
        return Sent("sent", row.amount, row.unit, row.public_id)
    if row.asked_by == actor:
        raise Forbidden(needed="another operator than the one who asked")
    _decide(row, "approve", actor, "")
    if row.kind == "payout":
        outgoing.send(row.subject, reference=row.reference, sent_by=row.asked_by, approved_by=actor)
        return Sent("sent", row.amount, row.unit, row.public_id)
    (payment,) = lock_payments([row.subject])
    if payment.rest != row.amount:
        raise Conflict(reason=f"{row.subject} holds another amount by now. Refuse this request and ask again.")
    return _back(row.subject, row.reference, row.asked_by, actor)


def refuse_sending(request: str, reason: str) -> None:
    """Refuse a request, or withdraw one's own; nothing is sent."""
    row = _locked(request)
    if not reason.strip() or len(reason) > limits.TEXT_MAX_CHARACTERS or "\x00" in reason:
        raise InvalidInput(reason="Say why, so that the one who asked knows.")
    _decide(row, "refuse", current_scope().actor, reason.strip())


@on_timer("send_request", TIMER)
def send_request_expiry(fired: list[Row]) -> None:
    """Nobody answered: the request is over, and nothing was sent."""
    ids = [row["subject_id"] for row in fired]
    changes = {"decided_at": fired[0]["due_at"]}
    apply(SEND_REQUEST, "expire", ids, role="timer", changes=changes, visibility="internal", strict=False)


def _back(public_id: str, reference: str, sent_by: str, approved_by: str) -> Sent:
    (payment,) = lock_payments([public_id])
    if payment.source == "stripe" and not reference:
        order_refund(payment, "sent back by an operator", sent_by=sent_by, approved_by=approved_by)
        return Sent("ordered", payment.rest, payment.unit)
    give_up_failed(payment)
    send_back(public_id, reference=reference, sent_by=sent_by, approved_by=approved_by)
    return Sent("sent", payment.rest, payment.unit)


def _request(kind: str, tenant: int, subject: str, amount: int, unit: str, reference: str) -> Sent:
    """Keep the wish; the subject's row is locked by the caller."""
    if SendRequest.objects.filter(subject=subject, state="requested").exists():
        raise RequestWaits(subject=subject)
    row = SendRequest.objects.create(
        tenant_id=tenant, public_id=new_id("srq"), kind=kind, subject=subject, amount=amount, unit=unit,
        reference=reference, asked_by=current_scope().actor, asked_at=clock.business_now(),
    )  # fmt: skip
    data = {"subject": subject, "amount": amount, "unit": unit, "reference": reference}
    append_events([NewEvent(tenant, SEND_REQUEST.name, row.id, "request", data=data, visibility="internal")])
    arm(SEND_REQUEST.name, TIMER, [(tenant, row.id)], limits.SEND_REQUEST_LIFE_S)
    return Sent("requested", amount, unit, row.public_id)


def _locked(request: str) -> SendRequest:
    """The subject is locked before its request, as when it is asked for."""
    found = SendRequest.objects.filter(public_id=request).first()
    if found is None:
        raise NotFound(what="request")
    if found.kind == "payout":
        outgoing.lock_payout(found.subject)
    else:
        lock_payments([found.subject])
    return SendRequest.objects.select_for_update().get(id=found.id)


def _decide(row: SendRequest, event: str, actor: str, answer: str) -> None:
    changes = {"decided_by": actor, "decided_at": clock.business_now(), "answer": answer}
    data = {"subject": row.subject, "amount": row.amount, **({"answer": answer} if answer else {})}
    apply(SEND_REQUEST, event, [row.id], role="operator", changes=changes, data=data, visibility="internal")
    cancel(SEND_REQUEST.name, [row.id])
