"""Incidents at the desk: the list, one incident with its guided way to the end, and each step of that way."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pilothouse.kernel.access.desk import (
    DESK_WRITERS,
    DeskList,
    act,
    commanding,
    link,
    looking,
    may_act,
    refused_in,
)
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.sql import Row

from . import commands, desk_queries, desk_views, forms
from .account_choice import chosen_account
from .checks import REGISTRY, offending
from .gates import what_is_missing
from .pages_checks import run_check
from .queries import history

STATES = {"open": gettext_lazy("Open"), "ended": gettext_lazy("Ended"), "all": gettext_lazy("All")}
# Each step of an incident: its form, and the command that takes the form's values.
STEPS: dict[str, tuple[type[Form], Callable[..., Any], Any]] = {
    "acknowledge": (forms.AcknowledgeForm, commands.acknowledge, gettext_lazy("It is yours. You owe its news now.")),
    "update": (forms.UpdateForm, commands.post_update, gettext_lazy("The news stands in the history.")),
    "promote": (forms.PromoteForm, commands.promote, gettext_lazy("It is a P0 now, and its scope is paused.")),
    "mitigate": (forms.MitigateForm, commands.mitigate, gettext_lazy("The three steps stand in the history.")),
    "root-cause": (forms.RootCauseForm, commands.write_root_cause, gettext_lazy("The root cause is written.")),
    "accept": (
        forms.AcceptForm,
        commands.accept_findings,
        gettext_lazy("It is accepted; new rows offend as before."),
    ),
    "resolve": (forms.ResolveForm, commands.resolve, gettext_lazy("It is resolved. Reopen its gates one by one.")),
    "dismiss": (
        forms.DismissForm,
        commands.dismiss,
        gettext_lazy("It was a false alarm; gates that nothing else holds are open."),
    ),
}


@require_GET
@operator_page()
def incident_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Incidents: the open ones first, the worst of them on top."""
    asked = DeskList.of(request, "desk:incidents", STATES, "open")
    with looking(request, operator):
        rows = desk_queries.incidents(state=asked.wanted, search=asked.words, skip=asked.skip)
    rows, frame = asked.shown(rows)
    context = {**frame, "incidents": rows, "may_act": may_act(operator)}
    return render(request, "watch/incident_list.html", context)


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def report_incident(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Open an incident that a person saw. The same kind over the same scope is one incident, however often told."""
    form = forms.ReportForm(request.POST or kept_form(request, operator))
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with commanding(request, operator):
                account = chosen_account(given["tenant"]).id if given["tenant"] else None
                row = commands.open_incident(
                    given["kind"],
                    given["title"],
                    severity=given["severity"] or None,
                    program=given["program"],
                    tenant=account,
                    check_name=given["check_name"],
                )
        except PilothouseError as refused:
            status = refused_in(form, refused, "tenant" if isinstance(refused, NotFound) else "title")
        else:
            return HttpResponseRedirect(reverse("desk:incident", args=[row["public_id"]]))
    elif request.method == "POST":
        status = 422
    context = {
        "form": form,
        "title": _("Report an incident"),
        "verb": _("Open the incident"),
        "back": reverse("desk:incidents"),
        "back_label": _("Incidents"),
        "lead": _("Checks open incidents by themselves. Report what a customer or you saw and no check did."),
    }
    return render(request, "watch/form.html", context, status=status)


@require_GET
@operator_page()
def incident_detail(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """One incident: the facts, what to do next, and what was done."""
    kept = kept_form(request, operator)
    steps = [step for step, (kind, _command, _done) in STEPS.items() if kept and set(kind.base_fields) <= set(kept)]
    bound: dict[str, Form] = {step: STEPS[step][0](kept, auto_id=f"{step}_%s") for step in steps[:1]}
    return _detail(request, operator, public_id, bound)


@require_POST
@operator_page(*DESK_WRITERS)
def incident_step(request: HttpRequest, operator: OperatorPrincipal, public_id: str, step: str) -> HttpResponse:
    """Take one step. A refusal keeps what was typed and stands beside it."""
    if step not in STEPS:
        raise Http404
    kind, command, done = STEPS[step]
    form = kind(request.POST, auto_id=f"{step}_%s")
    if not form.is_valid():
        return _detail(request, operator, public_id, {step: form}, 422)
    try:
        with commanding(request, operator):
            command(public_id, **form.cleaned_data)
    except NotFound:
        raise Http404 from None
    except PilothouseError as refused:
        return _detail(request, operator, public_id, {step: form}, refused_in(form, refused))
    messages.success(request, str(done))
    return HttpResponseRedirect(reverse("desk:incident", args=[public_id]))


@require_POST
@operator_page(*DESK_WRITERS)
def recheck(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Run the incident's check again, over everything, and say what it finds."""
    with looking(request, operator):
        name = str(desk_queries.incident(public_id)["check_name"])
    back = reverse("desk:incident", args=[public_id])
    if not name:
        messages.info(request, _("No check belongs to this incident; a person judges it."))
        return HttpResponseRedirect(back)
    return act(
        request,
        operator,
        lambda: run_check(name),
        done=lambda rows: (
            _("%(name)s finds nothing: it is green.") % {"name": name}
            if not rows
            else _("%(name)s still finds %(rows)s rows.") % {"name": name, "rows": rows}
        ),
        back=back,
    )


def _detail(
    request: HttpRequest,
    operator: OperatorPrincipal,
    public_id: str,
    bound: dict[str, Form] | None = None,
    status: int = 200,
) -> HttpResponse:
    with looking(request, operator):
        incident = desk_queries.incident(public_id)
        gates = desk_queries.gates_of_incident(incident["id"])
        events = history(public_id)
        open_now = incident["ended_at"] is None
        red = offending(incident["check_name"], incident["tenant"]) if incident["check_name"] and open_now else 0
        runs = desk_queries.check_runs(incident["check_name"], wide=True, count=5) if incident["check_name"] else []
        others = desk_queries.closed_gates() if gates else []
        names = dict(Tenant.objects.filter(id__in=desk_views.tenants_in(incident["sample"])).values_list("id", "name"))
        missing = {gate["public_id"]: _missing(gate["id"]) for gate in gates if gate["opened_at"] is None}
    allowed = desk_views.allowed(incident) if may_act(operator) else set()
    context = {
        "incident": incident,
        "gates": [{**gate, "missing": missing.get(gate["public_id"], [])} for gate in gates],
        "other_gates": len(others),
        "events": desk_views.history(events),
        "check": desk_views.check_of(incident["check_name"]) if incident["check_name"] else None,
        "red": red,
        "runs": runs,
        "sample": desk_views.sample_table(incident["sample"], names),
        "due": desk_views.due(incident),
        "steps": desk_views.steps(
            incident, actor=operator.actor, red_rows=red, gates=gates, told={e["type"] for e in events}
        ),
        "forms": _forms(bound or {}, allowed, incident, red, operator),
        "is_author": operator.actor == incident["root_cause_by"],
        "may_act": may_act(operator),
        "correct_url": link(reverse("desk:grant_new"), tenant=incident["tenant_id"] or "", why=public_id),
    }
    return render(request, "watch/incident.html", context, status=status)


def _missing(gate: int) -> list[str]:
    return what_is_missing(commands.SQL.rows("holders_of_gate", gate=gate))


def _forms(
    bound: dict[str, Form], allowed: set[str], incident: Row, red: int, operator: OperatorPrincipal
) -> dict[str, Form]:
    """The forms that can be used now, by their step; a bound one keeps what was typed."""
    usable = {step.replace("-", "_") for step in STEPS if step.replace("-", "_") in allowed}
    author = operator.actor == incident["root_cause_by"]
    if incident["severity"] == "P0":
        usable.discard("promote")
    if incident["state"] == "root_caused" and incident["check_name"] in REGISTRY and red and not author:
        usable.add("accept")
    if red or (author and incident["severity"] == "P0"):
        usable.discard("resolve")
    found = {step.replace("-", "_"): kind(auto_id=f"{step}_%s") for step, (kind, _c, _d) in STEPS.items()}
    found = {step: form for step, form in found.items() if step in usable}
    return {**found, **{step.replace("-", "_"): form for step, form in bound.items()}}
