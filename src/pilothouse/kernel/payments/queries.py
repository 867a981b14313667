"""What the desk shows of money in and out. Each read runs in the operator's scope, which sees every account."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.sql import Row, Statements

from . import limits
from .bank_accounts import usable_accounts
from .models import Chargeback, Payment, Payout, Refund, SendRequest
from .ports import Waiting, kinds, payable

SQL = Statements(__file__)
PAYMENT_STATES = ("waiting", "closed")
PAYOUT_STATES = ("due", "sent", "failed", "confirmed")
REQUEST_STATES = ("requested", "approved", "refused", "expired")


def payments(state: str = "", words: str = "", *, count: int, skip: int = 0) -> list[Row]:
    """Payments: those that wait by their due time, all others newest first."""
    rows = Payment.objects.select_related("tenant")
    if state:
        rows = rows.filter(state=state)
    if words:
        rows = rows.filter(
            Q(public_id=words.lower())
            | Q(external_ref__icontains=words)
            | Q(payer__icontains=words)
            | Q(note__icontains=words)
            | Q(tenant__name__icontains=words)
        )
    order = ("due_at", "id") if state == "waiting" else ("-id",)
    return _marked(rows.order_by(*order)[skip : skip + count])


def payouts(state: str = "", words: str = "", *, count: int, skip: int = 0) -> list[Row]:
    """Payouts: those on their way by their due time, all others newest first."""
    rows = Payout.objects.select_related("tenant", "person", "bank_account")
    if state:
        rows = rows.filter(state=state)
    if words:
        rows = rows.filter(
            Q(public_id=words.lower())
            | Q(subject_ref__icontains=words)
            | Q(bank_reference__icontains=words)
            | Q(person__email__icontains=words)
            | Q(tenant__name__icontains=words)
        )
    order = ("-id",) if state in ("", "confirmed") else ("due_at", "id")
    return _marked(rows.order_by(*order)[skip : skip + count])


def requests(state: str = "", *, search: str = "", count: int, skip: int = 0) -> list[SendRequest]:
    """Requests for a second operator, newest first."""
    rows = SendRequest.objects.select_related("tenant").order_by("-id")
    if state:
        rows = rows.filter(state=state)
    if search:
        rows = rows.filter(
            Q(tenant__name__icontains=search) | Q(asked_by__icontains=search) | Q(reference__icontains=search)
            | Q(subject=search) | Q(public_id=search)
        )  # fmt: skip
    return list(rows[skip : skip + count])


def waiting_request(subject: str) -> SendRequest | None:
    """The request about a payment or payout that waits for an answer."""
    return SendRequest.objects.filter(subject=subject, state="requested").first()


def refunds_of(payment: Payment) -> list[Refund]:
    """The ways of a card payment back, newest first."""
    return list(Refund.objects.filter(payment=payment).order_by("-id"))


def chargebacks_of(payment: Payment) -> list[Chargeback]:
    """What was taken back of it."""
    return list(Chargeback.objects.filter(payment=payment).order_by("-id"))


def suggestions(payment: Payment, words: str = "") -> list[Row]:
    """Subjects that this payment may be meant for: named in its reference or note, or waiting for just its rest.

    Runs in the account's scope. {waiting, exact, named, short, left}: what is missing, or left over, in minor units.
    With `words` it finds those that they name instead.
    """
    text = f"{payment.external_ref} {payment.note}"
    found: dict[str, Waiting] = {}
    for kind in kinds():
        port = payable(kind)
        given = (words, None) if words else (text if f"{kind}_" in text.lower() else "", payment.rest)
        for each in port.waiting(payment.unit, given[1], given[0], limits.SUGGESTIONS_MAX_ROWS):
            found.setdefault(each.ref, each)
    rows = [
        {
            "waiting": each,
            "exact": each.amount == payment.rest,
            "named": each.ref in text.lower(),
            "short": max(0, each.amount - payment.rest),
            "left": max(0, payment.rest - each.amount),
        }
        for each in found.values()
    ]
    return sorted(rows, key=lambda row: (not row["named"], not row["exact"]))[: limits.SUGGESTIONS_MAX_ROWS]


def partners(payment: Payment) -> list[Payment]:
    """Other payments of its account and currency that wait, for a subject that is paid in two."""
    rows = Payment.objects.filter(tenant=payment.tenant_id, unit=payment.unit, state="waiting").exclude(id=payment.id)
    return list(rows.order_by("-id")[: limits.SUGGESTIONS_MAX_ROWS])


def without_account(rows: Sequence[Payout]) -> set[int]:
    """The ids of due payouts whose person has named no account that can be used now."""
    due = {row.id: (row.tenant_id, row.person_id, row.unit) for row in rows if row.state == "due"}
    usable = usable_accounts(set(due.values()))
    return {id_ for id_, key in due.items() if key not in usable}


def _marked(rows: QuerySet[Any]) -> list[Row]:
    now = clock.business_now()
    return [{"row": row, "overdue": row.due_at is not None and row.due_at < now} for row in rows]
