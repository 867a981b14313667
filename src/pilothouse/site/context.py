"""What every page's template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def page(request: HttpRequest) -> dict[str, Any]:
    """The product's name, the live address and whether this is a demo, for base.html."""
    stripe = ""
    if settings.HOUSE_KIND == "rehearsal":
        stripe = "Rehearsal: simulated time, no real money"
    elif settings.WEBHOOK_ALLOW_LOCAL:
        stripe = "Demo: webhooks to this machine are allowed, no real money"
    return {
        "product_name": settings.PRODUCT_NAME,
        "live_url": settings.LIVE_URL,
        "mode_stripe": stripe,
        "tenant": getattr(request, "tenant", None),
    }
