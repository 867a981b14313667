"""What the frame of every page shows of the signed-in person."""

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from .authenticate import memberships, operator_of, tenant_of

# Where a person of ours works, whatever accounts they belong to.
DESK_NAME = gettext_lazy("Operator desk")


def _url(name: str) -> str:
    """The address, or nothing in a process that does not serve these pages (the live one)."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def account(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `account`, `tenant_name`, the tenants to choose from, and where the person's pages are.

    All that needs the database is lazy, so that an error page can be drawn without one.
    """

    def signed_in() -> bool:
        user = getattr(request, "user", None)
        return bool(user is not None and user.is_authenticated)

    def who() -> dict[str, str]:
        if not signed_in():
            return {}
        user: Any = request.user
        here = tenant_of(request)
        return {
            "name": user.get_full_name() or user.email,
            "email": user.email,
            "role": here.role if here else operator_of(request),
        }

    def where() -> str:
        if getattr(request, "operator", None):
            return str(DESK_NAME)
        here = tenant_of(request) if signed_in() else None
        return here.name if here else ""

    return {
        "account": SimpleLazyObject(who),
        "tenant_name": SimpleLazyObject(where),
        "tenants": SimpleLazyObject(lambda: memberships(request).tenants if signed_in() else ()),
        "account_url": _url("mfa_index"),
        "sessions_url": _url("usersessions_list"),
        "signout_url": _url("account_logout"),
        "tenants_url": _url("access_tenant"),
        "magic_link_url": _url("access_request_magic_link"),
    }
