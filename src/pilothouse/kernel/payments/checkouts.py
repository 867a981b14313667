"""Card checkouts: one for each wish to pay a subject by card.

The row comes first, then the processor is asked outside any transaction with the row's id as the key, then its answer
is kept. Whatever is lost between, asking again gives the same session, and its events find the row by that id.
"""

from datetime import timedelta

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import ScopeMissing, scope_or_none, tenant_scope
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply

from . import limits
from .errors import CardsNotSetUp, NotPayable
from .lifecycle import CHECKOUT
from .models import Checkout
from .ports import Expected, payable
from .stripe_adapter import cards_are_set_up, check_card_amount, create_session


def create_checkout(
    tenant: int, kind: str, ref: str, *, person: int, actor: str, success_url: str, cancel_url: str
) -> Checkout:
    """A checkout whose `url` takes the payer to the processor; asked again while it is open, the same one.

    The caller has judged that this person may pay this subject, and has no scope open. Raises CardsNotSetUp,
    NotPayable, PaymentMethodLimit above what a card is charged, or ProcessorUnreachable; nothing is charged then.
    """
    if scope_or_none() is not None:
        raise ScopeMissing("create_checkout asks the processor, so it is called outside a scope")
    if not cards_are_set_up():
        raise CardsNotSetUp()
    with tenant_scope(tenant, actor):
        expected = payable(kind).expected(ref)
        if expected is None:
            raise NotPayable(subject=ref)
        check_card_amount(expected.amount, expected.unit)
        checkout = _known(kind, ref, person, expected) or _new(tenant, kind, ref, person, expected)
    if checkout.url:
        return checkout
    session = create_session(
        checkout.public_id,
        amount=checkout.amount,
        unit=checkout.unit,
        title=expected.title,
        success_url=success_url,
        cancel_url=cancel_url,
        expires_at=checkout.expires_at,
    )
    with tenant_scope(tenant, actor):
        row = Checkout.objects.select_for_update().get(id=checkout.id)
        row.session_id, row.url = session.id, session.url
        row.save(update_fields=["session_id", "url"])
        return row


def expire_checkouts(limit: int = limits.SWEEP_MAX_ROWS) -> int:
    """End the checkouts whose session is over, should the processor's word for it not have come (worker scope)."""
    over = Checkout.objects.filter(state="open", expires_at__lt=clock.now())
    ids = list(over.order_by("expires_at").values_list("id", flat=True)[:limit])
    return len(apply(CHECKOUT, "expire", ids, role="timer", visibility="internal", strict=False)) if ids else 0


def _known(kind: str, ref: str, person: int, expected: Expected) -> Checkout | None:
    """The open checkout of this person for this amount, unless it is too late to order its session."""
    now = clock.now()
    rows = Checkout.objects.filter(
        subject_kind=kind, subject_ref=ref, created_by_id=person, state="open", expires_at__gt=now,
        amount=expected.amount, unit=expected.unit,
    )  # fmt: skip
    newest = rows.order_by("-id").first()
    if newest is None or (not newest.url and newest.created_at < now - timedelta(seconds=limits.CHECKOUT_REORDER_S)):
        return None
    return newest


def _new(tenant: int, kind: str, ref: str, person: int, expected: Expected) -> Checkout:
    now = clock.now()
    checkout = Checkout.objects.create(
        tenant=Tenant.objects.get(id=tenant),
        public_id=new_id("chk"),
        subject_kind=kind,
        subject_ref=ref,
        amount=expected.amount,
        unit=expected.unit,
        created_by_id=person,
        created_at=now,
        expires_at=now + timedelta(seconds=limits.CHECKOUT_TTL_S),
    )
    data = {"subject": ref, "amount": expected.amount, "unit": expected.unit}
    append_events([NewEvent(tenant, CHECKOUT.name, checkout.id, "create", data=data, visibility="internal")])
    return checkout
