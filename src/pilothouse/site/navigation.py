"""The navigation: what the kernel's own pages add to that of the programs, for members and for operators."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from pilothouse.kernel.access.roles import OPERATOR_ROLES
from pilothouse.kernel.base.program import NavItem

from .programs import load_programs

# Before and after the programs' own entries, for the members of a tenant.
FIRST: tuple[NavItem, ...] = (NavItem("Overview", "video:overview", ("owner", "engineer", "finance"), "home", "o"),)
LAST: tuple[NavItem, ...] = (
    NavItem("Pilot", "pilots:mine", ("owner", "engineer", "finance"), "check", "p"),
    NavItem("Ledger", "ledger:rows", ("owner", "engineer", "finance"), "ledger", "l"),
    NavItem("Webhooks", "outbox:endpoints", ("owner", "engineer"), "webhook", "w"),
    NavItem("API keys", "access_keys", ("owner", "engineer"), "key", "k"),
    NavItem("Status", "status", ("owner", "engineer", "finance"), "clock", "s"),
    NavItem("Members", "access_members", ("owner",), "user", "m"),
    NavItem("Guides", "guides", ("owner", "engineer", "finance"), "info", "d"),
)
# On the operator desk; the roles are those of operators.
DESK: tuple[NavItem, ...] = (
    NavItem("Now", "desk:home", OPERATOR_ROLES, "home", "n"),
    NavItem("Pilots", "pilots:desk_pilots", OPERATOR_ROLES, "check", "x"),
    NavItem("Incidents", "desk:incidents", OPERATOR_ROLES, "alert", "i"),
    NavItem("Inbox", "pilots:inbox", OPERATOR_ROLES, "question", "q"),
    NavItem("Daily", "pilots:plans", OPERATOR_ROLES, "clock", "w"),
    NavItem("Accounts", "desk:tenants", OPERATOR_ROLES, "user", "a"),
    NavItem("Grants", "desk:grants", OPERATOR_ROLES, "ledger", "g"),
    NavItem("Payments", "payments:incoming", OPERATOR_ROLES, "ledger", "m"),
    NavItem("Promises", "desk:promises", OPERATOR_ROLES, "check", "p"),
    NavItem("Gates", "desk:gates", OPERATOR_ROLES, "minus", "s"),
    NavItem("Errors", "desk:errors", OPERATOR_ROLES, "alert", "e"),
    NavItem("Health", "desk:health", OPERATOR_ROLES, "clock", "h"),
    NavItem("Guides", "guide_operations", OPERATOR_ROLES, "info", "d"),
)


def of_members(request: HttpRequest, role: str) -> list[dict[str, Any]]:
    """The entries of a member's role."""
    programs = [item for program in load_programs().values() for item in program.navigation]
    return _shown(request, [*FIRST, *programs, *LAST], role)


def of_operators(request: HttpRequest, role: str) -> list[dict[str, Any]]:
    """The entries of the operator desk."""
    programs = [item for program in load_programs().values() for item in program.desk]
    return _shown(request, [*DESK, *programs], role)


def _shown(request: HttpRequest, items: list[NavItem], role: str) -> list[dict[str, Any]]:
    found = [
        {"label": _(item.label), "url": reverse(item.url_name), "icon": item.icon, "key": item.key}
        for item in items
        if role in item.roles
    ]
    # The longest address that the page lies under is where the reader is; one that others lie under, as the desk's
    # first page, shines on itself alone.
    homes = {
        one["url"]
        for one in found
        if any(each["url"] != one["url"] and each["url"].startswith(one["url"]) for each in found)
    }
    under = [
        entry["url"]
        for entry in found
        if request.path.startswith(entry["url"]) and (entry["url"] not in homes or request.path == entry["url"])
    ]
    here = max(under, key=len, default="")
    return [{**entry, "active": entry["url"] == here} for entry in found]
