"""What every page's template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from pilothouse.kernel.base import clock

from .programs import load_programs

REHEARSAL_STRIPE = "Rehearsal: simulated time, no real money"
DEMO_STRIPE = "Demo: webhooks to this machine are allowed, and no real money moves"


def page(request: HttpRequest) -> dict[str, Any]:
    """The product's name, whose data this is, the navigation of the viewer's role, and the stripe of a demo."""
    principal = getattr(request, "principal", None)
    return {
        "product_name": settings.PRODUCT_NAME,
        "live_url": settings.LIVE_URL,
        "mode_stripe": _stripe(),
        "server_now": clock.now(),
        "tenant_name": principal.tenant_name if principal else "",
        "nav": _navigation(request, principal.role) if principal else [],
        "account": _account(request, principal),
        "account_url": _address("account_change_password"),
        "sessions_url": _address("usersessions_list"),
        "signout_url": _address("account_logout"),
        "magic_link_url": _address("access_request_magic_link"),
    }


def _stripe() -> str:
    if settings.HOUSE_KIND == "rehearsal":
        return REHEARSAL_STRIPE
    return DEMO_STRIPE if settings.WEBHOOK_ALLOW_LOCAL else ""


def _account(request: HttpRequest, principal: Any) -> dict[str, str] | None:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    return {
        "name": user.get_full_name() or user.email,
        "email": user.email,
        "role": principal.role if principal else "",
    }


def _navigation(request: HttpRequest, role: str) -> list[dict[str, Any]]:
    found = []
    for program in load_programs().values():
        for item in program.navigation:
            if role in item.roles:
                url = reverse(item.url_name)
                found.append(
                    {
                        "label": item.label,
                        "url": url,
                        "icon": item.icon,
                        "key": item.key,
                        "active": request.path.startswith(url),
                    }
                )
    return found


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
