"""Verbs on money that came in: record it, match it, send it back. All run in the worker's scope, for an operator or
for the card processor.

Money is in a named place from the first moment: what came in lies in a suspense account of its own until it pays
something or goes back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.ledger.commands import Leg, open_accounts, post
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply

from . import limits
from .errors import AmountsDoNotMatch, NotPayable, PaymentKnown, RefundOnItsWay, SecondPersonNeeded
from .lifecycle import PAYMENT
from .models import SOURCES, Payment, PaymentReturn, Refund
from .ports import Expected, kinds, payable

SQL = Statements(__file__)
WORLD = {"bank": "world_bank", "stripe": "world_psp"}


def record_payment(
    tenant: int,
    *,
    source: str,
    reference: str,
    amount: int,
    unit: str,
    payer: str = "",
    note: str = "",
    received_at: datetime | None = None,
) -> Payment:
    """Money came in; once for each (source, reference). Raises PaymentKnown when the values differ."""
    _check(source, reference, amount, payer, note)
    now = clock.business_now()
    known = Payment.objects.filter(tenant_id=tenant, source=source, external_ref=reference)
    try:
        if known.exists():
            return _same(known.get(), amount, unit)
        with transaction.atomic(using=current_scope().alias):
            payment = Payment.objects.create(
                tenant_id=tenant,
                public_id=new_id("pay"),
                source=source,
                external_ref=reference,
                amount=amount,
                unit=unit,
                payer=payer.strip(),
                note=note.strip(),
                received_at=received_at or now,
                recorded_by=current_scope().actor,
                due_at=now + timedelta(seconds=limits.WAITING_DUE_S),
            )
    except IntegrityError as error:
        # A twin recorded it at this moment.
        if "payment_once" not in str(error):
            raise
        return _same(known.get(), amount, unit)
    world, suspense = open_accounts(tenant, [(WORLD[source], "", unit), ("suspense", payment.public_id, unit)])
    _post(payment, "receive", payment.public_id, Leg(world, suspense, amount))
    _tell(payment, "receive", {"amount": amount, "unit": unit, "source": source})
    _tell_if_too_little(payment)
    return payment


def match(payments: Sequence[str], kind: str, ref: str) -> int:
    """Pay a subject with these payments, in their order; returns what is left over of them, still in suspense.

    They must be one currency and together enough: what is missing is asked for, what is too much goes back. Raises
    NotPayable, AmountsDoNotMatch or RefundOnItsWay; nothing is matched then.
    """
    chosen = lock_payments(payments)
    for payment in chosen:
        check_no_refund(payment)
    port = payable(kind)
    expected = port.expected(ref)
    if expected is None:
        raise NotPayable(subject=ref)
    if {each.unit for each in chosen} != {expected.unit}:
        raise InvalidInput(reason=f"{ref} is paid in {expected.unit}.")
    available = sum(each.rest for each in chosen)
    if available < expected.amount:
        raise AmountsDoNotMatch(available=available, needed=expected.amount)
    missing = expected.amount
    sources = []
    for payment in chosen:
        used = min(payment.rest, missing)
        missing -= used
        if used:
            (suspense,) = open_accounts(payment.tenant_id, [("suspense", payment.public_id, payment.unit)])
            sources.append((suspense, used))
            _use(payment, "match", matched=used, data={"subject": ref, "amount": used})
    port.funded(ref, sources)
    left = available - expected.amount
    if left:
        port.told(ref, "overpaid", chosen[-1].public_id, "buyer", left)
    return left


def match_if_exact(payment: Payment, kind: str, ref: str) -> bool:
    """Match a payment that names what it pays, where the amounts are equal; otherwise an operator decides."""
    expected = payable(kind).expected(ref)
    if expected is None or (expected.amount, expected.unit) != (payment.rest, payment.unit):
        _tell_of_mismatch(payment, kind, ref, expected)
        return False
    match([payment.public_id], kind, ref)
    return True


def _tell_if_too_little(payment: Payment) -> None:
    """Let the program tell the payer of a transfer that names what it pays, and is not enough for it."""
    for kind in kinds() if payment.note else ():
        port = payable(kind)
        for each in port.waiting(payment.unit, None, payment.note, limits.NAMED_MAX_COUNT):
            if each.ref.lower() in payment.note.lower() and payment.amount < each.amount:
                port.told(each.ref, "underpaid", payment.public_id, "buyer", payment.amount)


def _tell_of_mismatch(payment: Payment, kind: str, ref: str, expected: Expected | None) -> None:
    """Let the program tell the payer; one who paid in another currency hears it when an operator has looked."""
    if expected is None:
        news = "late_payment"
    elif expected.unit == payment.unit and payment.rest < expected.amount:
        news = "underpaid"
    else:
        return
    payable(kind).told(ref, news, payment.public_id, "buyer", payment.rest)


def send_back(public_id: str, *, reference: str, sent_by: str, approved_by: str = "") -> Payment:
    """The rest of a payment went back to its sender by the bank, whose `reference` this is.

    A second person above the limit. Raises NotPayable when nothing is left of it, RefundOnItsWay when the processor has
    it in hand.
    """
    (payment,) = lock_payments([public_id])
    if payment.rest == 0:
        raise NotPayable(subject=public_id)
    check_no_refund(payment)
    reference = bank_reference(reference)
    check_second_person(payment.rest, sent_by, approved_by)
    return return_rest(payment, reference, payment.rest, sent_by=sent_by, approved_by=approved_by)


def return_rest(
    payment: Payment, reference: str, amount: int, *, sent_by: str, approved_by: str, refund: Refund | None = None
) -> Payment:
    """Write that an amount of a locked payment left for its sender: by the bank, or by a refund that succeeded."""
    way = "bank" if refund is None else "stripe"
    suspense, outside = open_accounts(
        payment.tenant_id, [("suspense", payment.public_id, payment.unit), (WORLD[way], "", payment.unit)]
    )
    PaymentReturn.objects.create(
        tenant_id=payment.tenant_id, payment=payment, amount=amount, way=way, reference=reference, refund=refund,
        sent_by=sent_by, approved_by=approved_by, at=clock.business_now(),
    )  # fmt: skip
    _post(payment, "send_back", f"{payment.public_id}:{payment.returned}", Leg(suspense, outside, amount))
    data = {"amount": amount, "reference": reference, "sent_by": sent_by, "approved_by": approved_by}
    _use(payment, "send_back", returned=amount, data=data)
    return Payment.objects.get(id=payment.id)


def bank_reference(text: str) -> str:
    """A bank's reference as it is kept; InvalidInput when there is none."""
    if not text.strip() or "\x00" in text or len(text) > limits.TEXT_MAX_CHARACTERS:
        raise InvalidInput(reason="Give the bank's reference of the transfer.")
    return text.strip()


def check_second_person(amount: int, sent_by: str, approved_by: str) -> None:
    """Raise SecondPersonNeeded where one person alone would send out a large amount."""
    if amount >= limits.SECOND_PERSON_FROM_MINOR and approved_by in ("", sent_by):
        raise SecondPersonNeeded(limit=limits.SECOND_PERSON_FROM_MINOR)


def check_no_refund(payment: Payment) -> None:
    """Raise RefundOnItsWay where the card processor may send the rest of a payment back at any moment."""
    if Refund.objects.filter(payment=payment, state__in=["due", "sent"]).exists():
        raise RefundOnItsWay(payment=payment.public_id)


def lock_payments(public_ids: Sequence[str]) -> list[Payment]:
    """These payments in their order, locked; NotFound when one is not there or named twice."""
    found = {
        each.public_id: each
        for each in Payment.objects.select_for_update().filter(public_id__in=public_ids).order_by("id")
    }
    if not public_ids or set(found) != set(public_ids) or len(set(public_ids)) != len(public_ids):
        raise NotFound(what="payment")
    return [found[each] for each in public_ids]


def _same(known: Payment, amount: int, unit: str) -> Payment:
    if (known.amount, known.unit) != (amount, unit):
        raise PaymentKnown(source=known.source, reference=known.external_ref)
    return known


def _check(source: str, reference: str, amount: int, payer: str, note: str) -> None:
    if source not in SOURCES:
        raise InvalidInput(reason=f"Money comes from {' or '.join(SOURCES)}.")
    if type(amount) is not int or not 0 < amount <= limits.AMOUNT_MAX_MINOR:
        raise InvalidInput(reason="The amount must be a whole number of minor units above 0.")
    if not reference.strip():
        raise InvalidInput(reason="Give the bank's reference, so that no payment is recorded twice.")
    for text in (reference, payer, note):
        if "\x00" in text or len(text) > limits.TEXT_MAX_CHARACTERS:
            raise InvalidInput(reason=f"Texts have at most {limits.TEXT_MAX_CHARACTERS} characters.")


def _use(payment: Payment, event: str, *, matched: int = 0, returned: int = 0, data: dict[str, Any]) -> None:
    changes: dict[str, Any] = {"matched": payment.matched + matched, "returned": payment.returned + returned}
    if changes["matched"] + changes["returned"] == payment.amount:
        apply(PAYMENT, "close", [payment.id], role="system", changes={**changes, "due_at": None}, data=data)
    else:
        apply(PAYMENT, "match", [payment.id], role="system", changes=changes, data=data)


def _post(payment: Payment, kind: str, key: str, leg: Leg) -> None:
    post(
        payment.tenant_id,
        f"{kind}:{key}",
        kind,
        [leg],
        request={"payment": payment.public_id, "amount": leg.amount},
        ref_type="payment",
        ref_id=payment.public_id,
        description=payment.external_ref,
    )


def _tell(payment: Payment, event: str, data: dict[str, Any]) -> None:
    append_events([NewEvent(payment.tenant_id, PAYMENT.name, payment.id, event, data=data, visibility="internal")])
