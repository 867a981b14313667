"""The customer's own page of their pilot: the same pilot, with the lines that are theirs to confirm."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.page_access import member_page
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.access.roles import ROLE_SCOPES
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.base.program import program_title
from pilothouse.kernel.base.scope import tenant_scope, worker_scope

from . import attestations
from .lifecycle import PILOT
from .limits import MINE_MAX_ROWS
from .pilot_models import Pilot
from .pilot_views import customer_context
from .pilot_words import STATES
from .registry import programs_with_runbooks
from .self_service import why_it_waits


@require_GET
@member_page
def mine(request: HttpRequest, principal: Principal) -> HttpResponse:
    """One pilot of the account, with a tab for each other one; before there is one, what a pilot is."""
    with tenant_scope(principal.tenant, principal.actor):
        pilots = _pilots(principal)
        pilot = _chosen(pilots, request.GET.get("pilot", ""))
        context: dict[str, Any] = customer_context(pilot, principal.role) if pilot else {"pilot": None}
    if pilot is not None:
        # Over all accounts: of the others no more is told than when there is room again.
        with worker_scope(principal.actor):
            context["waits"] = why_it_waits(pilot)
    context["tabs"] = [
        {"label": _tab(each), "url": _address(each), "current": each == pilot} for each in pilots if len(pilots) > 1
    ]
    if pilot is None or pilot.state not in PILOT.open_states:
        context["starts"] = _starts(principal)
    return render(request, "pilots/mine.html", context)


def _pilots(principal: Principal) -> list[Pilot]:
    """The account's pilots, those that go on before those that ended, the newest of each first."""
    rows = Pilot.objects.filter(tenant_id=principal.tenant).order_by("-id")[:MINE_MAX_ROWS]
    return sorted(rows, key=lambda row: row.state not in PILOT.open_states)


def _chosen(pilots: list[Pilot], public_id: str) -> Pilot | None:
    """The pilot that the address names, else the first. Raises NotFound for one that is not the account's."""
    if not public_id:
        return pilots[0] if pilots else None
    for pilot in pilots:
        if pilot.public_id == public_id:
            return pilot
    raise NotFound(what="pilot")


def _address(pilot: Pilot) -> str:
    return f"{reverse('pilots:mine')}?{urlencode({'pilot': pilot.public_id})}"


def _tab(pilot: Pilot) -> str:
    return f"{program_title(pilot.program)}: {STATES[pilot.state][0]}"


def _starts(principal: Principal) -> list[dict[str, str]]:
    """Where a member who may begin a pilot begins one."""
    if "keys:write" not in ROLE_SCOPES.get(principal.role, frozenset()):
        return []
    return [
        {"title": program_title(name), "url": reverse("pilots:start", args=[name])} for name in programs_with_runbooks()
    ]


@require_POST
@member_page
def confirm(request: HttpRequest, principal: Principal, line: str) -> HttpResponse:
    """A member's word on a line; said twice it is said once."""
    agrees = request.POST.get("answer", "yes") == "yes"
    try:
        with tenant_scope(principal.tenant, principal.actor):
            pilot = _chosen(_pilots(principal), request.POST.get("pilot", ""))
            if pilot is None:
                raise NotFound(what="pilot")
            back = _address(pilot)
            attestations.attest_customer(
                pilot.public_id, line, principal.role, agrees,
                note=request.POST.get("note", ""), proof=request.POST.get("proof", "").replace("\x00", ""),
            )  # fmt: skip
    except NotFound:
        raise
    except PilothouseError as refused:
        if refused.status == 403:
            return render(request, "ui/errors/403.html", {"reason": str(refused)}, status=403)
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Noted, with your name and the time."))
    return HttpResponseRedirect(f"{back}#line-{line}")
