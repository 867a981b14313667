"""`/start/PROGRAM`: an account begins a pilot by itself once enough succeeded; before that it asks for a call."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from pilothouse.kernel.access.desk import refused_in
from pilothouse.kernel.access.page_access import member_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import Principal, require
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.program import program_title
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.terms.queries import published

from . import pilot_forms
from .pilot_models import Pilot
from .pilot_reads import is_self_service
from .registry import programs_with_runbooks
from .runbook import KIND, of_version
from .starting import ask_for_pilot, start_pilot

# A pilot gives a key; whoever may make keys may begin one.
SCOPE = "keys:write"
ENDED = ("rejected", "closed", "enterprise")


@require_http_methods(["GET", "POST"])
@member_page
def start(request: HttpRequest, principal: Principal, program: str) -> HttpResponse:
    """The qualification, answered by the account; or, while pilots are led by us, the wish for one."""
    require(principal, SCOPE)
    if program not in programs_with_runbooks():
        raise Http404
    with worker_scope(principal.actor):
        runbook = of_version(published(KIND, program))
        is_open = is_self_service(program)
        known = Pilot.objects.filter(tenant_id=principal.tenant, program=program).exclude(state__in=ENDED).first()
    if known is not None and known.state != "prospect":
        return HttpResponseRedirect(reverse("pilots:mine"))
    given = request.POST or kept_form(request, principal)
    form: pilot_forms.QualifyForm | pilot_forms.AskForm
    form = pilot_forms.QualifyForm(runbook, given or None) if is_open else pilot_forms.AskForm(given or None)
    status = 200
    if request.method == "POST" and known is None and form.is_valid():
        try:
            with worker_scope(principal.actor):
                made = _take(principal, program, form)
        except PilothouseError as refused:
            status = refused_in(form, refused)
        else:
            _tell(request, made)
            here = reverse("pilots:start", args=[program]) if made.state == "prospect" else reverse("pilots:mine")
            return HttpResponseRedirect(here)
    elif request.method == "POST" and known is None:
        status = 422
    context: dict[str, Any] = {
        "form": form,
        "is_open": is_open,
        "known": known,
        "title": program_title(program),
        "objective": runbook.body["objective"],
        "boundary": runbook.body.get("boundary", "").strip(),
        "expectations": [line.text for line in runbook.group("expectation")],
    }
    return render(request, "pilots/start.html", context, status=status)


def _take(principal: Principal, program: str, form: pilot_forms.QualifyForm | pilot_forms.AskForm) -> Pilot:
    if isinstance(form, pilot_forms.AskForm):
        return ask_for_pilot(principal.tenant, program, principal.tenant_name, form.cleaned_data["note"])
    return start_pilot(principal.tenant, program, principal.tenant_name, form.answers(), form.cleaned_data)


def _tell(request: HttpRequest, made: Pilot) -> None:
    if made.state == "rejected":
        messages.warning(
            request, _("This pilot is not for you as you answered; nothing was begun. Ask us if it changes.")
        )
    elif made.state == "prospect":
        messages.success(request, _("Noted. Nothing was begun; we call you first."))
    elif made.state == "qualified":
        messages.success(request, _("Qualified. Confirm what to expect, and the rest goes by itself."))
    else:
        messages.success(request, _("Qualified. The preparation begins by itself."))
