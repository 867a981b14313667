"""The card processor through its official SDK: sessions, refunds, and the signature of its events.

Nothing here touches the database, and nothing is called inside a transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings

from pilothouse.kernel.base.errors import InvalidInput

from . import limits
from .errors import CardsNotSetUp, PaymentMethodLimit, ProcessorUnreachable, SignatureInvalid

# Loaded by the first call: it takes a fifth of a second, and few houses take cards.
if TYPE_CHECKING:
    import stripe

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """A checkout at the processor, and where its payer goes."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class Returned:
    """How a refund stands: `pending`, `succeeded` or `failed` with the processor's own word for it."""

    id: str | None
    state: str
    failure: str = ""


def cards_are_set_up() -> bool:
    """Whether cards can be offered here."""
    return bool(settings.STRIPE_SECRET_KEY and settings.STRIPE_WEBHOOK_SECRET)


def create_session(
    key: str, *, amount: int, unit: str, title: str, success_url: str, cancel_url: str, expires_at: datetime
) -> Session:
    """A session for one amount; the same key gives the same one. Raises CardsNotSetUp or ProcessorUnreachable."""
    import stripe

    try:
        made = _client().v1.checkout.sessions.create(
            {
                "mode": "payment",
                "client_reference_id": key,
                "metadata": {"checkout": key},
                "payment_intent_data": {"metadata": {"checkout": key}},
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": unit.lower(),  # type: ignore[typeddict-item]
                            "unit_amount": amount,
                            "product_data": {"name": title},
                        },
                    }
                ],
                "success_url": success_url,
                "cancel_url": cancel_url,
                "expires_at": int(expires_at.timestamp()),
            },
            {"idempotency_key": key},
        )
    except stripe.StripeError as error:
        raise _unreachable("session", error) from error
    if not made.url:
        raise ProcessorUnreachable()
    return Session(made.id, made.url)


def create_refund(key: str, *, payment_intent: str, amount: int, look_first: bool) -> Returned:
    """Send an amount back; the same key does it once. `look_first` finds one whose answer was lost long ago."""
    import stripe

    try:
        client = _client()
        if look_first:
            for known in client.v1.refunds.list({"payment_intent": payment_intent, "limit": 100}).data:
                if known.metadata and "refund" in known.metadata and known.metadata["refund"] == key:
                    return _returned(known)
        made = client.v1.refunds.create(
            {"payment_intent": payment_intent, "amount": amount, "metadata": {"refund": key}}, {"idempotency_key": key}
        )
    except stripe.InvalidRequestError as error:
        # It will not be taken, however often it is asked for.
        return Returned(None, "failed", str(error.code or "refused"))
    except stripe.StripeError as error:
        raise _unreachable("refund", error) from error
    return _returned(made)


def look_at_refund(refund_id: str) -> Returned:
    """How a refund stands now. Raises ProcessorUnreachable."""
    import stripe

    try:
        return _returned(_client().v1.refunds.retrieve(refund_id))
    except stripe.StripeError as error:
        raise _unreachable("refund", error) from error


def check_signature(payload: bytes, header: str) -> None:
    """Raise SignatureInvalid for what the processor did not sign within the last five minutes."""
    import stripe

    if not cards_are_set_up():
        raise CardsNotSetUp()
    try:
        _client().construct_event(payload, header, settings.STRIPE_WEBHOOK_SECRET)
    except (stripe.SignatureVerificationError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise SignatureInvalid() from error


def check_card_amount(amount: int, unit: str) -> None:
    """Raise PaymentMethodLimit for more than a card is charged in this currency."""
    maximum = limits.CARD_MAX_OF_UNIT_MINOR.get(unit, limits.CARD_MAX_MINOR)
    if amount > maximum:
        raise PaymentMethodLimit(maximum=maximum, unit=unit, amount=amount)


def _client() -> "stripe.StripeClient":
    import stripe

    if not settings.STRIPE_SECRET_KEY:
        raise CardsNotSetUp()
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=limits.STRIPE_RETRIES_MAX_COUNT,
        http_client=stripe.RequestsClient(timeout=limits.STRIPE_TIMEOUT_S),
    )


def _returned(refund: Any) -> Returned:
    state = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}.get(str(refund.status), "pending")
    failure = str(getattr(refund, "failure_reason", None) or refund.status) if state == "failed" else ""
    return Returned(refund.id, state, failure)


def _unreachable(what: str, error: "stripe.StripeError") -> ProcessorUnreachable:
    log.warning("processor_refused", what=what, status=error.http_status, code=error.code, error=type(error).__name__)
    return ProcessorUnreachable()


def facts_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The few fields of an event that are needed: {id, type, object…}. Raises InvalidInput for another shape."""
    data = event.get("data")
    found = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(found, Mapping) or not isinstance(event.get("id"), str) or not isinstance(event.get("type"), str):
        raise InvalidInput(reason="This is no event of the processor.")
    kept = (
        "id", "object", "amount", "amount_total", "client_reference_id", "currency", "payment_intent", "payment_status",
        "reason", "status", "charge",
    )  # fmt: skip
    return {name: found[name] for name in kept if isinstance(found.get(name), str | int)}
