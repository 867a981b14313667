"""Gates at the desk: what is paused and why, pausing by hand, and letting work go on."""

from typing import Literal, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pilothouse.kernel.access.desk import (
    DESK_WRITERS,
    act,
    commanding,
    looking,
    may_act,
    page_number,
    paged,
    refused_in,
)
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import NotFound, PilothouseError

from . import commands, desk_queries, forms
from .account_choice import chosen_account
from .gates import close_gate, reopen_gate, what_is_missing


@require_GET
@operator_page()
def gate_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What is paused now, with what each gate still waits for, and the gates of the past."""
    number = page_number(request)
    with looking(request, operator):
        closed = desk_queries.closed_gates()
        past = desk_queries.reopened_gates(skip=number * DESK_PAGE_ROWS)
        for gate in closed:
            gate["missing"] = what_is_missing(commands.SQL.rows("holders_of_gate", gate=gate["id"]))
    past, pager = paged(past, number, reverse("desk:gates"))
    context = {"closed": closed, "past": past, "pager": pager, "may_act": may_act(operator)}
    return render(request, "watch/gates.html", context)


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def gate_close(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Pause a program for one account or for all; closing a closed gate is the same gate."""
    form = forms.CloseGateForm(
        request.POST or kept_form(request, operator), initial={"tenant": request.GET.get("tenant", "")}
    )
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with commanding(request, operator):
                account = chosen_account(given["tenant"]).id if given["tenant"] else None
                close_gate(
                    given["program"],
                    given["reason"],
                    mode=cast(Literal["no_dispatch", "no_new"], given["mode"]),
                    tenant=account,
                )
        except PilothouseError as refused:
            status = refused_in(form, refused, "tenant" if isinstance(refused, NotFound) else "reason")
        else:
            messages.success(request, _("The gate is closed. Work in hand and what is held stay as they are."))
            return HttpResponseRedirect(reverse("desk:gates"))
    elif request.method == "POST":
        status = 422
    context = {
        "form": form,
        "title": _("Close a gate"),
        "verb": _("Close the gate"),
        "danger": True,
        "confirm_title": _("Close the gate?"),
        "confirm_sentence": _(
            "Customers in its scope are refused from the next second on and read your reason. What is held stays held."
        ),
        "back": reverse("desk:gates"),
        "back_label": _("Gates"),
        "lead": _("A pause loses nothing: what was accepted stays accepted, and what is held stays held."),
    }
    return render(request, "watch/form.html", context, status=status)


@require_POST
@operator_page(*DESK_WRITERS)
def gate_reopen(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Reopen a gate, unless an incident that holds it is not understood or its check is not green."""
    back = request.POST.get("back", "")
    known = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/desk/")
    return act(
        request,
        operator,
        lambda: reopen_gate(public_id),
        done=_("The gate is open: work goes on."),
        back=back if known else reverse("desk:gates"),
    )
