"""Who sees the pages of deals, and what all of them do: the market's time zone, and one refusal said in one way."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone

from pilothouse.kernel.access.page_access import PageView, member_page
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.base.errors import Forbidden, NotFound, PilothouseError
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.refusals import note_refusal
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.ledger.periods import time_zone

from .errors import PageIsOld
from .models import Deal
from .views import seen_of

ROLES = ("buyer", "seller", "owner")


def party_page(view: Callable[..., HttpResponse]) -> PageView:
    """A page for those who buy and sell in a market, in the market's time zone."""

    @member_page
    @wraps(view)
    def guarded(request: HttpRequest, principal: Principal, *args: Any, **kwargs: Any) -> HttpResponse:
        if principal.role not in ROLES or principal.user is None:
            raise Forbidden(needed="the role buyer, seller or owner")
        with tenant_scope(principal.tenant, principal.actor):
            zone = time_zone(principal.tenant)
        with timezone.override(ZoneInfo(zone)):
            return view(request, principal, *args, **kwargs)

    return guarded


def person_of(principal: Principal) -> int:
    """The row id of the person, which `party_page` has made sure of."""
    assert principal.user is not None
    return principal.user


def refuse_old_page(deal: Deal, seen: str) -> None:
    """Raise PageIsOld unless the page showed the deal as it is (its row is locked)."""
    if seen != seen_of(deal):
        raise PageIsOld()


def refuse(request: HttpRequest, error: PilothouseError, public_id: str) -> HttpResponseRedirect:
    """Back to the deal, with what was not done; a deal that is not there is a 404."""
    if isinstance(error, NotFound):
        raise error
    note_refusal(error)
    messages.error(request, str(error))
    return redirect("deals:deal", public_id)


def tried(principal: Principal, form: Form, command: Callable[[], Any]) -> tuple[bool, Any]:
    """(whether it was done, its answer) of one command in its own transaction; a refusal stands in the form."""
    try:
        with tenant_scope(principal.tenant, principal.actor):
            return True, command()
    except NotFound:
        raise
    except PilothouseError as refused:
        note_refusal(refused)
        form.add_error(None, str(refused))
        return False, None


def echo_deal(request: HttpRequest, deal: Deal, *more: str) -> None:
    """What people wrote on this page is theirs and not held against it."""
    echo(request, deal.title, *(str(value) for value in deal.item.values()), *more)
