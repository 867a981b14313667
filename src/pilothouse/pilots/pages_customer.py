"""The customer's own page of their pilot: the same pilot, with the lines that are theirs to confirm."""

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
from pilothouse.kernel.base.scope import tenant_scope

from . import attestations
from .pilot_models import Pilot
from .pilot_views import customer_context
from .registry import program_title, programs_with_runbooks


@require_GET
@member_page
def mine(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The account's newest pilot; before there is one, what a pilot is."""
    with tenant_scope(principal.tenant, principal.actor):
        pilot = Pilot.objects.filter(tenant_id=principal.tenant).order_by("-id").first()
        context = customer_context(pilot, principal.role) if pilot else {"pilot": None, "starts": _starts(principal)}
    return render(request, "pilots/mine.html", context)


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
    back = reverse("pilots:mine")
    agrees = request.POST.get("answer", "yes") == "yes"
    try:
        with tenant_scope(principal.tenant, principal.actor):
            pilot = Pilot.objects.filter(tenant_id=principal.tenant).order_by("-id").first()
            if pilot is None:
                raise NotFound(what="pilot")
            attestations.attest_customer(
                pilot.public_id, line, principal.role, agrees, note=request.POST.get("note", "")
            )
    except NotFound:
        raise
    except PilothouseError as refused:
        if refused.status == 403:
            return render(request, "ui/errors/403.html", {"reason": str(refused)}, status=403)
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Noted, with your name and the time."))
    return HttpResponseRedirect(f"{back}#line-{line}")
