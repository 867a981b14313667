"""Rollbacks at the desk: what proposes one, what it would do, its export, its notice, its receipts, its end."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pilothouse.kernel.access.desk import DESK_WRITERS, DeskList, act, commanding, looking, may_act, refused_in
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.watch.pilot_facts import facts_of

from . import rollback
from .daily_models import DigestPlan, Rollback
from .digests import access_plan
from .limits import NOTICE_MAX_CHARACTERS, NOTICE_SUBJECT_MAX_CHARACTERS, PLANS_SHOWN_COUNT, WORDS_MAX_CHARACTERS
from .rollback_pilots import pause_pilots, resume_pilots
from .triggers import proposals


class ReasonForm(forms.Form):
    """Why new work is stopped; operators read it."""

    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=WORDS_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "For operators and the export. What people are told is drafted next, and yours to edit."
        ),
    )


STATES = {"stopped": gettext_lazy("Stopped now"), "ended": gettext_lazy("Ended"), "all": gettext_lazy("All")}


class NoticeForm(forms.Form):
    """What everybody with open work is told."""

    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=NOTICE_SUBJECT_MAX_CHARACTERS)
    words = forms.CharField(
        label=gettext_lazy("Notice"), max_length=NOTICE_MAX_CHARACTERS, widget=forms.Textarea(attrs={"rows": 12})
    )


@require_GET
@operator_page()
def rollback_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What proposes a rollback, what is stopped, and the rollbacks of the past."""
    asked = DeskList.of(request, "pilots:rollbacks", STATES, "stopped")
    with looking(request, operator):
        found = Rollback.objects.select_related("tenant").order_by("-id")
        stopped = set(found.exclude(state="resumed").values_list("program", "tenant_id"))
        plans = DigestPlan.objects.select_related("tenant").order_by("tenant__name")[:PLANS_SHOWN_COUNT]
        running = [plan for plan in plans if (plan.program, plan.tenant_id) not in stopped]
        if asked.state != "all":
            found = found.filter(state="resumed") if asked.state == "ended" else found.exclude(state="resumed")
        if asked.words:
            found = found.filter(Q(tenant__name__icontains=asked.words) | Q(public_id=asked.words))
        rows, frame = asked.shown(list(found[asked.skip : asked.skip + DESK_PAGE_ROWS + 1]))
        proposed = proposals()
    context = {
        **frame, "rollbacks": rows, "running": running, "proposals": proposed, "may_act": may_act(operator)
    }  # fmt: skip
    return render(request, "pilots/rollbacks.html", context)


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def rollback_new(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What a rollback would do, and doing it: new work stops, then everything is exported."""
    program, public_id = request.GET.get("program", ""), request.GET.get("tenant", "")
    with looking(request, operator):
        plan = access_plan(program, public_id)
        would = rollback.plan(program, plan.tenant)
    given = request.POST or kept_form(request, operator)
    form, status = ReasonForm(given or None), 200
    if request.method == "POST" and form.is_valid():
        try:
            with commanding(request, operator, plan.tenant_id):
                stopped = rollback.stop(program, plan.tenant, form.cleaned_data["reason"])
            with commanding(request, operator):
                pause_pilots(program, plan.tenant_id)
            # A transaction of its own: the stop holds whatever becomes of the files.
            with commanding(request, operator, plan.tenant_id):
                rollback.export(stopped.public_id)
        except PilothouseError as refused:
            status = refused_in(form, refused, "reason")
        else:
            messages.success(request, _("New work is stopped and everything is exported. Nobody was told yet."))
            return HttpResponseRedirect(reverse("pilots:rollback", args=[stopped.public_id]))
    elif request.method == "POST":
        status = 422
    context = {"form": form, "would": would, "facts": facts_of(program), "plan": plan}
    return render(request, "pilots/rollback_new.html", context, status=status)


@require_GET
@operator_page()
def rollback_detail(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """One rollback: where it stands and what comes next."""
    kept = kept_form(request, operator)
    return _detail(request, operator, public_id, _notice(kept, kept.to.rpartition("/")[2]) if kept else None, 200)


def _notice(given: QueryDict, step: str) -> tuple[str, NoticeForm]:
    return step, NoticeForm(given, auto_id="resume_%s" if step == "resume" else "id_%s")


def _detail(
    request: HttpRequest,
    operator: OperatorPrincipal,
    public_id: str,
    bound: tuple[str, NoticeForm] | None,
    status: int = 422,
) -> HttpResponse:
    with looking(request, operator):
        found = rollback.access_rollback(public_id)
        facts = facts_of(found.program)
        goes_on = facts.open_work(found.tenant_id)
        people = len(facts.parties(found.tenant_id))
        told = rollback.receipts(found)
    end = rollback.resumed_draft(facts, found.tenant)
    name, form = bound or ("", None)
    notice = form if name == "notice" else NoticeForm(initial={"subject": found.subject, "words": found.words})
    resume_form = (
        form if name == "resume" else NoticeForm(initial={"subject": end[0], "words": end[1]}, auto_id="resume_%s")
    )
    context = {
        "found": found,
        "facts": facts,
        "goes_on": goes_on,
        "people": people,
        "receipts": told,
        "sent": sum(one["state"] == "sent" for one in told),
        "notice": notice,
        "resume": resume_form,
        "may_act": may_act(operator),
        "folder": rollback.export_folder(found) if found.export else "",
    }
    return render(request, "pilots/rollback.html", context, status=status)


@require_POST
@operator_page(*DESK_WRITERS)
def rollback_step(request: HttpRequest, operator: OperatorPrincipal, public_id: str, step: str) -> HttpResponse:
    """One step: `export` again after a kill, `notice` keeps the edited words, `tell` sends them, `resume` ends it."""
    with looking(request, operator):
        found = rollback.access_rollback(public_id)
    back = reverse("pilots:rollback", args=[public_id])
    if step not in STEPS:
        raise NotFound(what="step")
    command, done = STEPS[step]
    words: tuple[str, ...] = ()
    if step in ("notice", "resume"):
        form = _notice(request.POST, step)[1]
        if not form.is_valid():
            return _detail(request, operator, public_id, (step, form))
        words = (form.cleaned_data["subject"], form.cleaned_data["words"])
    if step == "resume" and found.state != "resumed":
        try:
            with commanding(request, operator):
                resume_pilots(found.program, found.tenant_id)
        except PilothouseError as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(back)
    return act(request, operator, lambda: command(public_id, *words), done=str(done), back=back, tenant=found.tenant_id)


STEPS: dict[str, tuple[Callable[..., Any], Any]] = {
    "export": (rollback.export, gettext_lazy("Everything is exported.")),
    "notice": (rollback.edit_notice, gettext_lazy("The notice is kept. Nobody was told yet.")),
    "tell": (rollback.tell, gettext_lazy("The notice goes out; the receipts below say what became of each mail.")),
    "resume": (rollback.resume, gettext_lazy("New work goes on, and everybody who was told of the stop is told so.")),
}
