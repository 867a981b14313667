"""Events of the card processor: kept once when they come, done by the worker.

The door checks the signature, writes one row for each id and answers; so a slow or broken step never loses an event,
and a second delivery of it changes nothing. Each event is done in one transaction with all that it moves.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.json_api import decode_object
from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.lifecycle.commands import apply

from . import limits
from .chargebacks import close_chargeback, open_chargeback
from .incoming import lock_payments, match_if_exact, record_payment
from .lifecycle import CHECKOUT
from .models import Checkout, Payment, ProcessorEvent, Refund
from .ports import payable, raise_alarm
from .refunds import look_again, order_refund
from .stripe_adapter import check_signature, facts_of

SQL = Statements(__file__)
NOBODY = "processor"
NOT_OURS = "no payment of ours"
log = structlog.get_logger(__name__)


def take_event(payload: bytes, signature: str) -> bool:
    """Keep a signed event, once; False for one that is known. Raises SignatureInvalid or CardsNotSetUp."""
    check_signature(payload, signature)
    event = decode_object(payload)
    facts = facts_of(event)
    with ops_scope(NOBODY, "processor event"):
        return bool(SQL.execute("keep_event", event_id=event["id"], type=event["type"], facts=json.dumps(facts)))


def run_events(limit: int = limits.EVENTS_CHUNK_ROWS) -> int:
    """Do what the kept events ask for, the oldest first; returns how many were looked at.

    One transaction for each: lock the event, do it, mark it. One that fails is tried again later; after the last try a
    person is told, and it is tried no more.
    """
    done = 0
    while done < limit:
        found: ProcessorEvent | None = None
        try:
            with worker_scope(NOBODY):
                rows = SQL.rows("next_event")
                if not rows:
                    break
                found = ProcessorEvent.objects.get(id=rows[0]["id"])
                found.outcome = HANDLERS.get(found.type, _nothing)(found.facts)
                found.handled_at = clock.now()
                found.save(update_fields=["outcome", "handled_at"])
        except Exception as error:
            if found is None:
                raise
            log.exception("processor_event_failed", event_id=found.event_id, type=found.type)
            _postpone(found.id, f"{type(error).__name__}: {error}")
        done += 1
    return done


def _postpone(event: int, error: str) -> None:
    with worker_scope(NOBODY):
        row = ProcessorEvent.objects.select_for_update().get(id=event)
        if row.handled_at is not None:
            return
        row.attempts += 1
        row.next_run_at = clock.now() + timedelta(seconds=limits.EVENT_RETRY_S * row.attempts)
        row.outcome = error[: limits.TEXT_MAX_CHARACTERS]
        if row.attempts >= limits.EVENT_ATTEMPTS_MAX_COUNT:
            row.handled_at = clock.now()
            title = f"An event of the card processor could not be done: {row.type} {row.event_id}."
            raise_alarm("stuck_subject", title, tenant=None, subject=row.event_id)
        row.save(update_fields=["attempts", "next_run_at", "outcome", "handled_at"])


def _paid(facts: dict[str, Any]) -> str:
    """A session has its money: it pays its subject, or goes back when nothing waits for exactly that amount.

    The subject is locked before its money is recorded, in the order of all commands.
    """
    checkout = _checkout(facts)
    if checkout is None:
        return "no checkout of ours"
    intent = str(facts.get("payment_intent") or facts["id"])
    if facts.get("payment_status") == "unpaid":
        return "the money is on its way"
    if checkout.state == "paid":
        return "known"
    payable(checkout.subject_kind).expected(checkout.subject_ref)
    _lock_intent(intent)
    payment = record_payment(
        checkout.tenant_id,
        source="stripe",
        reference=intent,
        amount=int(facts["amount_total"]),
        unit=str(facts["currency"]).upper(),
        note=checkout.subject_ref,
    )
    SQL.execute("wake_disputes", intent=intent, outcome=NOT_OURS)
    changes = {"paid_at": payment.received_at, "payment_id": payment.id, "payment_intent": intent}
    event = "pay_late" if checkout.state == "expired" else "pay"
    data = {"payment": payment.public_id, "amount": payment.amount, "unit": payment.unit}
    apply(CHECKOUT, event, [checkout.id], role="system", changes=changes, data=data, visibility="internal")
    if match_if_exact(payment, checkout.subject_kind, checkout.subject_ref):
        return f"paid {checkout.subject_ref}"
    (payment,) = lock_payments([payment.public_id])
    refund = order_refund(payment, "nothing waited for it", sent_by=NOBODY, automatic=True)
    return f"goes back as {refund.public_id}"


def _expired(facts: dict[str, Any]) -> str:
    checkout = _checkout(facts)
    if checkout is None or checkout.state != "open":
        return "known" if checkout else "no checkout of ours"
    apply(CHECKOUT, "expire", [checkout.id], role="system", visibility="internal")
    return "expired"


def _disputed(facts: dict[str, Any]) -> str:
    """One that is told before its payment is kept, and done when the payment is."""
    _lock_intent(str(facts.get("payment_intent")))
    made = open_chargeback(facts)
    return made.public_id if made else NOT_OURS


def _dispute_closed(facts: dict[str, Any]) -> str:
    _lock_intent(str(facts.get("payment_intent")))
    made = close_chargeback(facts)
    return f"{made.public_id} {made.state}" if made else NOT_OURS


def _lock_intent(intent: str) -> None:
    """A payment and its dispute, told at one moment, see one another."""
    SQL.one("intent_lock", intent=intent)


def _refund_news(facts: dict[str, Any]) -> str:
    """A refund moved on; one that had succeeded and failed after all brings its money back into suspense."""
    refund = Refund.objects.filter(refund_id=facts["id"]).first()
    if refund is None:
        return "no refund of ours"
    if refund.state == "succeeded" and facts.get("status") in ("canceled", "failed"):
        back = record_payment(
            refund.tenant_id,
            source="stripe",
            reference=f"{refund.refund_id} came back",
            amount=refund.amount,
            unit=refund.unit,
            note=f"{refund.public_id} of {Payment.objects.get(id=refund.payment_id).public_id}",
        )
        return f"came back as {back.public_id}"
    return "asked again" if look_again(facts["id"]) else "known"


def _nothing(facts: dict[str, Any]) -> str:
    return "nothing to do"


def _checkout(facts: dict[str, Any]) -> Checkout | None:
    """The checkout of a session, locked: by our own id in it, else by the session's."""
    rows = Checkout.objects.select_for_update()
    ours = facts.get("client_reference_id")
    return (rows.filter(public_id=ours).first() if ours else None) or rows.filter(session_id=facts["id"]).first()


HANDLERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "checkout.session.completed": _paid,
    "checkout.session.async_payment_succeeded": _paid,
    "checkout.session.async_payment_failed": _expired,
    "checkout.session.expired": _expired,
    "charge.dispute.created": _disputed,
    "charge.dispute.closed": _dispute_closed,
    "refund.updated": _refund_news,
    "refund.failed": _refund_news,
}
