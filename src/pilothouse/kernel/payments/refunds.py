"""Card payments that go back through the processor: a row, then the order, then the ledger.

The ledger moves when the processor says that it succeeded. Until then the money lies in suspense, and an operator
sees the row with its due time.
"""

from datetime import timedelta
from typing import Any

import structlog

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import Conflict, InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply

from . import limits
from .errors import NotPayable, ProcessorUnreachable
from .incoming import check_second_person, lock_payments, return_rest
from .lifecycle import REFUND
from .models import Payment, Refund
from .stripe_adapter import Returned, create_refund, look_at_refund

SQL = Statements(__file__)
OPEN = ("due", "failed", "sent")
log = structlog.get_logger(__name__)


def order_refund(
    payment: Payment, reason: str, *, sent_by: str, approved_by: str = "", automatic: bool = False
) -> Refund:
    """Order that the rest of a card payment goes back to its card. The payment's row is locked by the caller.

    Raises NotPayable when nothing is left of it, Conflict when a refund of it is on its way, SecondPersonNeeded above
    the limit unless it is `automatic`: money that nobody asked for goes back by itself.
    """
    if payment.source != "stripe":
        raise InvalidInput(reason="Only a card payment goes back through the processor.")
    if payment.rest == 0:
        raise NotPayable(subject=payment.public_id)
    if Refund.objects.filter(payment=payment, state__in=OPEN).exists():
        raise Conflict(reason=f"A refund of {payment.public_id} is on its way already.")
    if not automatic:
        check_second_person(payment.rest, sent_by, approved_by)
    now = clock.business_now()
    refund = Refund.objects.create(
        tenant_id=payment.tenant_id, public_id=new_id("rfd"), payment=payment, payment_intent=payment.external_ref,
        amount=payment.rest, unit=payment.unit, reason=reason, sent_by=sent_by, approved_by=approved_by,
        automatic=automatic, next_run_at=now, created_at=now, due_at=now + timedelta(seconds=limits.REFUND_DUE_S),
    )  # fmt: skip
    data = {"payment": payment.public_id, "amount": refund.amount, "unit": refund.unit, "reason": reason}
    append_events([NewEvent(payment.tenant_id, REFUND.name, refund.id, "create", data=data, visibility="internal")])
    return refund


def run_refunds(limit: int = limits.REFUNDS_CHUNK_ROWS) -> int:
    """Order what is due and ask about what is on its way; returns how many were looked at.

    1. Lease a set by moving its next run, and commit. 2. Ask the processor, outside any transaction. 3. Write each
    answer with its money in one transaction, guarded by the state: a late twin finds it moved on.
    """
    with worker_scope("stripe"):
        rows = SQL.rows("claim_refunds", count=limit, lease_s=limits.REFUND_LEASE_S)
    for row in rows:
        try:
            if row["refund_id"]:
                answer = look_at_refund(row["refund_id"])
            else:
                answer = create_refund(
                    f"{row['public_id']}:{row['round']}",
                    payment_intent=row["payment_intent"],
                    amount=row["amount"],
                    look_first=row["attempts"] > 1,
                )
        except ProcessorUnreachable:
            wait = min(limits.REFUND_RETRY_S * 2 ** min(row["attempts"], 10), limits.REFUND_RETRY_MAX_S)
            with worker_scope("stripe"):
                Refund.objects.filter(id=row["id"]).update(next_run_at=clock.business_now(wait))
            continue
        with worker_scope("stripe"):
            finish_refund(row["public_id"], answer)
    return len(rows)


def finish_refund(public_id: str, answer: Returned) -> Refund:
    """Write what the processor said of a refund; one that has ended already is left alone."""
    refund, payment = _locked(public_id)
    if refund.state not in ("due", "sent"):
        return refund
    if answer.state == "succeeded":
        assert answer.id is not None
        _move(refund, "succeed", refund_id=answer.id, ended_at=clock.business_now(), due_at=None)
        return_rest(
            payment, answer.id, refund.amount, sent_by=refund.sent_by, approved_by=refund.approved_by, refund=refund
        )
    elif answer.state == "failed":
        _move(refund, "fail", refund_id=answer.id, failure=answer.failure[: limits.TEXT_MAX_CHARACTERS])
    elif refund.state == "due":
        _move(refund, "send", refund_id=answer.id, next_run_at=clock.business_now(limits.REFUND_LOOK_S))
    else:
        Refund.objects.filter(id=refund.id).update(next_run_at=clock.business_now(limits.REFUND_LOOK_S))
    return Refund.objects.get(id=refund.id)


def retry_refund(public_id: str) -> Refund:
    """Order a failed refund anew. Raises NotPayable when its money went elsewhere meanwhile."""
    refund, payment = _locked(public_id)
    if payment.rest < refund.amount:
        raise NotPayable(subject=payment.public_id)
    now = clock.business_now()
    _move(
        refund, "retry", role="operator", refund_id=None, round=refund.round + 1, attempts=0, failure="",
        next_run_at=now, due_at=now + timedelta(seconds=limits.REFUND_DUE_S),
    )  # fmt: skip
    return Refund.objects.get(id=refund.id)


def give_up_failed(payment: Payment) -> None:
    """The money went back another way: a failed refund of this payment has nothing left to do."""
    for refund in Refund.objects.select_for_update().filter(payment=payment, state="failed"):
        _move(refund, "give_up", role="operator", ended_at=clock.business_now(), due_at=None)


def look_again(refund_id: str) -> bool:
    """The processor has news of a refund: ask at the next run. False for a refund that is not ours."""
    now = clock.business_now()
    return bool(Refund.objects.filter(refund_id=refund_id, state="sent").update(next_run_at=now))


def _locked(public_id: str) -> tuple[Refund, Payment]:
    """The payment is locked before its refund, as everywhere."""
    found = Refund.objects.filter(public_id=public_id).select_related("payment").first()
    if found is None:
        raise NotFound(what="refund")
    (payment,) = lock_payments([found.payment.public_id])
    return Refund.objects.select_for_update().get(id=found.id), payment


def _move(refund: Refund, event: str, *, role: str = "system", **changes: Any) -> None:
    data = {
        "amount": refund.amount,
        "unit": refund.unit,
        **({"failure": changes["failure"]} if event == "fail" else {}),
    }
    apply(REFUND, event, [refund.id], role=role, changes=changes, data=data, visibility="internal")
