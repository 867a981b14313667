"""A card's holder takes a payment back: written down with its money, told to people, and never undoing what was paid.

The processor takes the amount at once, from us. It stands below zero in a suspense account of the chargeback's own
until the bank decides: what is won comes back into it, what is lost is written off into it from `chargeback_loss`. The
subject that was paid stays as it is.
"""

from datetime import timedelta
from typing import Any

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.ledger.commands import Leg, open_accounts, post
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply

from . import limits
from .incoming import lock_payments
from .lifecycle import CHARGEBACK
from .models import Chargeback, Payment
from .ports import raise_alarm

SQL = Statements(__file__)
INCIDENT_KIND = "chargeback"


def open_chargeback(facts: dict[str, Any]) -> Chargeback | None:
    """Write down a dispute of the processor, once; None when the payment is not ours (worker scope)."""
    known = Chargeback.objects.filter(dispute_id=facts["id"]).first()
    if known is not None:
        return known
    found = Payment.objects.filter(source="stripe", external_ref=str(facts.get("payment_intent"))).first()
    if found is None:
        return None
    (payment,) = lock_payments([found.public_id])
    same_unit = str(facts.get("currency", "")).upper() == payment.unit
    amount = min(int(facts["amount"]), payment.amount) if same_unit else payment.amount
    now = clock.business_now()
    made = Chargeback.objects.create(
        tenant_id=payment.tenant_id, public_id=new_id("cbk"), payment=payment, dispute_id=facts["id"], amount=amount,
        unit=payment.unit, reason=str(facts.get("reason", ""))[: limits.TEXT_MAX_CHARACTERS], opened_at=now,
        due_at=now + timedelta(seconds=limits.CHARGEBACK_DUE_S),
    )  # fmt: skip
    _post(made, "send_back")
    data = {"payment": payment.public_id, "amount": amount, "unit": payment.unit, "reason": made.reason}
    append_events([NewEvent(payment.tenant_id, CHARGEBACK.name, made.id, "open", data=data, visibility="internal")])
    title = f"The card holder took back {amount} {payment.unit} (minor units) of {payment.public_id}: {made.reason}."
    raise_alarm(INCIDENT_KIND, title, tenant=payment.tenant_id, subject=payment.public_id)
    return made


def close_chargeback(facts: dict[str, Any]) -> Chargeback | None:
    """The bank has decided: a won amount comes back, a lost one is written off as our loss."""
    made = open_chargeback(facts)
    if made is None or made.state != "open":
        return made
    event = "win" if facts.get("status") in ("won", "warning_closed") else "lose"
    changes = {"ended_at": clock.business_now(), "due_at": None}
    data = {"amount": made.amount, "unit": made.unit}
    apply(CHARGEBACK, event, [made.id], role="system", changes=changes, data=data, visibility="internal")
    _post(made, "receive" if event == "win" else "charge_off")
    return Chargeback.objects.get(id=made.id)


def _post(made: Chargeback, kind: str) -> None:
    other = "chargeback_loss" if kind == "charge_off" else "world_psp"
    suspense, outside = open_accounts(made.tenant_id, [("suspense", made.public_id, made.unit), (other, "", made.unit)])
    legs = [Leg(suspense, outside, made.amount) if kind == "send_back" else Leg(outside, suspense, made.amount)]
    post(
        made.tenant_id,
        f"{kind}:{made.public_id}",
        kind,
        legs,
        request={"chargeback": made.public_id, "amount": made.amount},
        ref_type="chargeback",
        ref_id=made.public_id,
        description=made.dispute_id,
    )
