"""What every page's template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, gettext_lazy

from pilothouse.kernel.access.authenticate import memberships
from pilothouse.kernel.access.context import DESK_NAME
from pilothouse.kernel.base import clock

from .navigation import of_members, of_operators

REHEARSAL_STRIPE = gettext_lazy("Rehearsal: simulated time, no real money")
DEMO_STRIPE = gettext_lazy("Demo: webhooks to this machine are allowed, and no real money moves")


def page(request: HttpRequest) -> dict[str, Any]:
    """The product's name, whose data this is, the navigation of the viewer's role, and the stripe of a demo."""
    operator = getattr(request, "operator", None)
    principal = None if operator else getattr(request, "principal", None)
    person = _person(request)
    return {
        "product_name": settings.PRODUCT_NAME,
        "live_url": settings.LIVE_URL,
        "mode_stripe": _stripe(),
        "server_now": clock.now(),
        "tenant_name": str(DESK_NAME) if operator else principal.tenant_name if principal else "",
        "account_id": principal.tenant_public_id if principal else "",
        "nav": _navigation(request, operator, principal),
        "account": {**person, "role": getattr(operator or principal, "role", "")} if person else None,
        "tenants": memberships(request).tenants if person else (),
        "tenants_url": _address("access_tenant"),
        "desk_url": _address("desk:home") if person and memberships(request).operator else "",
        "account_url": _address("account_change_password"),
        "sessions_url": _address("usersessions_list"),
        "signout_url": _address("account_logout"),
        "ask_url": _address("pilots:ask") if principal else "",
        "magic_link_url": _address("access_request_magic_link"),
        "languages": _languages(),
        "language_url": _address("access_language"),
    }


def _stripe() -> str:
    if settings.HOUSE_KIND == "rehearsal":
        return str(REHEARSAL_STRIPE)
    return str(DEMO_STRIPE) if settings.WEBHOOK_ALLOW_LOCAL else ""


def _languages() -> list[dict[str, str]]:
    """The languages in which the page could be read instead."""
    here = get_language() or settings.LANGUAGE_CODE
    return [{"code": code, "name": str(name)} for code, name in settings.LANGUAGES if code != here]


def _person(request: HttpRequest) -> dict[str, str]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"name": user.get_full_name() or user.email, "email": user.email}


def _navigation(request: HttpRequest, operator: Any, principal: Any) -> list[dict[str, Any]]:
    if operator:
        return of_operators(request, operator.role)
    return of_members(request, principal.role) if principal else []


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
