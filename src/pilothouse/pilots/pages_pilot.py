"""The pilot desk: the list and the board, one pilot with everything that is known of it, and its steps."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

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
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.program import program_title
from pilothouse.kernel.watch.account_choice import chosen_account

from . import activation, attestations, pausing, pilot_forms, running, verdicts
from .lifecycle import PILOT
from .limits import BOARD_COLUMN_ROWS, OPEN_PILOTS_MAX_ROWS
from .pilot_errors import CreditsTooFew
from .pilot_reads import access_pilot, pilots
from .pilot_views import detail_context
from .pilot_words import COLUMNS, STATES
from .registry import programs_with_runbooks
from .runbook import pinned

FILTERS = {
    "open": gettext_lazy("Open"),
    **{key: words for key, (words, _states) in COLUMNS.items()},
    "all": gettext_lazy("All"),
}
OPEN_STATES = tuple(state for key in ("before", "running", "review", "judged") for state in COLUMNS[key][1])


@require_GET
@operator_page()
def pilot_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Pilots as a list, or as a board by where they are; both keep the filter in the address."""
    asked = DeskList.of(request, "pilots:desk_pilots", FILTERS, "open", view={"list": "", "board": ""})
    is_board = asked.filters["view"] == "board"
    states = {"open": OPEN_STATES, "all": ()}.get(asked.state) or COLUMNS.get(asked.state, ("", ()))[1]
    with looking(request, operator):
        if is_board:
            rows = pilots(search=asked.words, count=OPEN_PILOTS_MAX_ROWS, by_due=True)
            _, frame = asked.shown([])
        else:
            rows = pilots(states=states, search=asked.words, count=DESK_PAGE_ROWS + 1, skip=asked.skip)
            rows, frame = asked.shown(rows)
    shown = [_row(row) for row in rows]
    context = {
        **frame,
        "rows": shown,
        "columns": _columns(shown, asked.words) if is_board else [],
        # A board shows every state beside the others.
        "tabs": None if is_board else frame["tabs"],
        "other_view": link(asked.here, view="" if is_board else "board", q=asked.words),
        "may_act": may_act(operator),
    }
    return render(request, "pilots/desk_pilots.html", context)


def _columns(shown: list[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    """The columns of the board; the first of each, and where the list shows all of them."""
    columns = []
    for key, (label, states) in COLUMNS.items():
        rows = [row for row in shown if row["state"] in states]
        url = f"{reverse('pilots:desk_pilots')}?{urlencode({'state': key, 'q': words})}"
        columns.append({"label": label, "rows": rows[:BOARD_COLUMN_ROWS], "count": len(rows), "url": url})
    return columns


def _row(row: dict[str, Any]) -> dict[str, Any]:
    label, tone = STATES[row["state"]]
    is_open = row["state"] in PILOT.open_states
    due = (row["due_at"] or row["deadline_at"] or row["timer_at"]) if is_open else None
    return {
        **row, "label": label, "tone": tone, "program_title": program_title(row["program"]), "due": due,
        "phase_title": row["phase"].replace("_", " ").capitalize(),
        "is_late": due is not None and due < row["now"],
    }  # fmt: skip


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def pilot_new(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """A new prospect of a program, in an account that is there."""
    programs = [(name, program_title(name)) for name in programs_with_runbooks()]
    start = {"account": request.GET.get("account", ""), "company": request.GET.get("company", "")}
    given = request.POST or kept_form(request, operator)
    form = pilot_forms.NewPilotForm(given or None, initial=start, programs=programs)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            with commanding(request, operator):
                account = chosen_account(form.cleaned_data["account"])
                made = running.create_pilot(account.id, form.cleaned_data["program"], form.cleaned_data["company"])
        except PilothouseError as refused:
            status = refused_in(form, refused, "account")
        else:
            messages.success(request, _("The prospect is there. Answer the qualification with them."))
            return HttpResponseRedirect(reverse("pilots:desk_pilot", args=[made.public_id]))
    elif request.method == "POST":
        status = 422
    context = {
        "form": form,
        "title": _("A new pilot"),
        "lead": _("It begins as a prospect and is pinned to the runbook in force."),
        "verb": _("Add the prospect"),
        "back": reverse("pilots:desk_pilots"),
        "back_label": _("Pilots"),
    }
    return render(request, "watch/form.html", context, status=status)


@require_GET
@operator_page()
def pilot_detail(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """One pilot."""
    kept = kept_form(request, operator)
    step = kept.to.rpartition("/")[2] if kept else ""
    bound = (step, FORMS[step][0](kept, auto_id=f"{step}_%s")) if step in FORMS else None
    return _detail(request, operator, public_id, bound=bound)


def _detail(
    request: HttpRequest, operator: OperatorPrincipal, public_id: str, *, bound: tuple[str, Form] | None = None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    with looking(request, operator):
        context = detail_context(access_pilot(public_id), may_act=may_act(operator), bound=bound)
    return render(request, "pilots/desk_pilot.html", context, status=status)


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def pilot_qualify(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """The qualification form, with the computed need of credits beside it."""
    with looking(request, operator):
        pilot = access_pilot(public_id)
        runbook = pinned(pilot.runbook_hash)
    back = reverse("pilots:desk_pilot", args=[public_id])
    if pilot.state != "prospect":
        messages.info(request, _("The qualification was answered already."))
        return HttpResponseRedirect(back)
    given = request.POST or kept_form(request, operator)
    form = pilot_forms.QualifyForm(runbook, given or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            with commanding(request, operator):
                made = running.qualify(public_id, form.answers(), form.cleaned_data, note=form.cleaned_data["note"])
        except PilothouseError as refused:
            status = refused_in(form, refused)
        else:
            done = _("Qualified.") if made.state == "qualified" else _("Rejected; the reason is in the timeline.")
            messages.success(request, done)
            return HttpResponseRedirect(back)
    elif request.method == "POST":
        status = 422
    context = {"form": form, "pilot": pilot, "runbook": runbook, "scope": runbook.scope}
    return render(request, "pilots/desk_qualify.html", context, status=status)


@require_POST
@operator_page(*DESK_WRITERS)
def pilot_tick(request: HttpRequest, operator: OperatorPrincipal, public_id: str, line: str) -> HttpResponse:
    """Our word on one of our lines."""
    form = pilot_forms.TickForm(request.POST)
    given = form.cleaned_data if form.is_valid() else {"evidence": "", "why_not": ""}
    agrees = request.POST.get("answer", "yes") == "yes"
    return act(
        request,
        operator,
        lambda: attestations.attest_ours(
            public_id, line, agrees, note=given["why_not"], evidence=given["evidence"], applicable=not given["why_not"]
        ),
        done=_("Noted, with your name."),
        back=f"{reverse('pilots:desk_pilot', args=[public_id])}#line-{line}",
    )


Given = dict[str, Any]
# Steps that take what was typed: the form, the command, and what is said when it is done.
FORMS: dict[str, tuple[type[Form], Callable[[str, Given], Any], Any]] = {
    "pause": (
        pilot_forms.PauseForm, lambda pilot, given: pausing.pause(pilot, given["reason"], given["note"]),
        gettext_lazy("The pilot is paused."),
    ),
    "signal": (
        pilot_forms.SignalForm,
        lambda pilot, given: verdicts.record_signal(pilot, given["kind"], given["quote"], given["person"]),
        gettext_lazy("Recorded, word for word."),
    ),
    "fix": (
        pilot_forms.FixForm, lambda pilot, given: verdicts.record_fix(pilot, given["side"], given["cause"]),
        gettext_lazy("The cause is recorded."),
    ),
    "close-fix": (
        pilot_forms.CloseFixForm, lambda pilot, given: verdicts.close_fix(given["fix"], given["change"]),
        gettext_lazy("Mended; a retry may begin."),
    ),
    "sign": (
        pilot_forms.SignForm,
        lambda pilot, given: verdicts.sign_verdict(
            pilot, given["expected"], given["recommendation"], given["note"]
        ),
        gettext_lazy("The verdict is signed."),
    ),
    "close": (
        pilot_forms.CloseForm, lambda pilot, given: verdicts.close(pilot, given["recommendation"], given["note"]),
        gettext_lazy("The pilot is closed."),
    ),
    "abandon": (
        pilot_forms.AbandonForm, lambda pilot, given: running.abandon(pilot, given["reason"], given["note"]),
        gettext_lazy("The pilot is closed before it began."),
    ),
}  # fmt: skip
PLAIN: dict[str, tuple[Callable[[str], Any], Any]] = {
    "lock": (attestations.lock_expectations, gettext_lazy("Locked.")),
    "prepare": (running.prepare, gettext_lazy("The preparation has begun.")),
    "drill": (activation.drill_rollback, gettext_lazy("The drill is over; its steps are in the timeline.")),
    "resume": (pausing.resume, gettext_lazy("The pilot goes on.")),
    "give-up": (pausing.give_up, gettext_lazy("The pilot is under review.")),
    "retry": (verdicts.retry, gettext_lazy("The next attempt is being prepared.")),
    "upgrade": (
        verdicts.upgrade,
        gettext_lazy("Moved to Enterprise. The new key's link is mailed; the customer can also open it at API keys."),
    ),
}


@require_POST
@operator_page(*DESK_WRITERS)
def pilot_step(request: HttpRequest, operator: OperatorPrincipal, public_id: str, step: str) -> HttpResponse:
    """One step of a pilot; a refusal says why and keeps what was typed."""
    back = reverse("pilots:desk_pilot", args=[public_id])
    if step in PLAIN:
        command, done = PLAIN[step]
        return act(request, operator, lambda: command(public_id), done=str(done), back=back)
    if step in ("activate", "renew-link"):
        return _with_key(request, operator, public_id, step)
    if step not in FORMS:
        raise Http404
    form_class, take, done = FORMS[step]
    form = form_class(request.POST, auto_id=f"{step}_%s")
    status = 422
    if form.is_valid():
        try:
            with commanding(request, operator):
                take(public_id, form.cleaned_data)
        except PilothouseError as refused:
            status = refused_in(form, refused)
        else:
            messages.success(request, str(done))
            return HttpResponseRedirect(back)
    return _detail(request, operator, public_id, bound=(step, form), status=status)


def _with_key(request: HttpRequest, operator: OperatorPrincipal, public_id: str, step: str) -> HttpResponse:
    """Steps that mail the one-time link of a key; nobody of us reads it."""
    back = reverse("pilots:desk_pilot", args=[public_id])
    try:
        with commanding(request, operator):
            if step == "renew-link":
                activation.renew_key_link(public_id, sender=operator.email)
                done = _("A new one-time link is on its way; the old one no longer opens.")
            else:
                small = bool(request.POST.get("confirm_small"))
                found = activation.activate(public_id, operator.user, confirm_small=small, sender=operator.email)
                waits = _("The grant waits for a second operator. Activate again when it is approved.")
                done = _("The pilot is active and its clock runs.") if found.state == "active" else waits
    except CreditsTooFew as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(f"{back}?small=1")
    except PilothouseError as refused:
        if refused.status == 404:
            raise
        messages.error(request, str(refused))
    else:
        messages.success(request, done)
    return HttpResponseRedirect(back)
