"""Messages and reports at the desk: what is ready, each as a page, a Markdown file and a PDF, and what was sent."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.desk import (
    DESK_WRITERS,
    DeskList,
    commanding,
    looking,
    may_act,
    refused_in,
)
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import member_page, operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal, Principal
from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import InvalidInput, PilothouseError
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.ui.paper_files import FORMATS, as_file
from pilothouse.ui.papers import Paper, as_html

from . import message_words
from .evaluation import look
from .message_models import PilotMessage
from .message_reads import access_message, sent_messages
from .message_words import send_ready
from .messages import Draft, draft, paper_of, spoken_slots
from .pilot_errors import NotYet
from .pilot_forms import SendForm
from .pilot_reads import access_pilot
from .runbook import pinned

FILTERS = {
    "all": gettext_lazy("All"), "customer": gettext_lazy("To customers"), "internal": gettext_lazy("Our own"),
}  # fmt: skip


@require_GET
@operator_page()
def text(request: HttpRequest, operator: OperatorPrincipal, public_id: str, name: str) -> HttpResponse:
    """A text as it would be sent now, with what may be typed into it."""
    return _draft_page(request, operator, public_id, name)


def _draft_page(
    request: HttpRequest, operator: OperatorPrincipal, public_id: str, name: str, form: SendForm | None = None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    with looking(request, operator):
        pilot = access_pilot(public_id)
        seen = look(pilot)
        typed = form.spoken() if form is not None and form.is_valid() else {}
        made = _drafted(pilot, name, typed, seen)
        why_not = message_words.why_not_yet(made, seen)
        sent = sent_messages(pilot=pilot.id, text=name, count=DESK_PAGE_ROWS)
    if form is None:
        kept = kept_form(request, operator)
        form = SendForm(spoken_slots(made.text), made.slots, kept, initial={"key": new_id("form")})
    context = {
        "pilot": pilot,
        "made": made,
        "about": message_words.about(made.text),
        "form": form,
        "html": as_html(made.paper),
        "paper": made.paper,
        "files": [(each, reverse("pilots:desk_text_file", args=[public_id, name, each])) for each in FORMATS],
        "sent": sent,
        "why_not": why_not,
        "may_send": may_act(operator) and not why_not,
        "has_chat": bool(settings.ALERT_URLS) and made.text.audience == "internal",
        "to_whom": pilot.form.get("contact_email", "") if made.text.audience == "customer" else "",
    }
    return render(request, "pilots/desk_text.html", context, status=status)


def _drafted(pilot: Any, name: str, typed: dict[str, str], seen: Any) -> Draft:
    try:
        return draft(pilot, name, typed, seen)
    except InvalidInput:
        raise Http404 from None


@require_GET
@operator_page()
def text_file(request: HttpRequest, operator: OperatorPrincipal, public_id: str, name: str, kind: str) -> HttpResponse:
    """The same as a file."""
    with looking(request, operator):
        pilot = access_pilot(public_id)
        made, at = _drafted(pilot, name, {}, None), business_now()
    return as_file(made.paper, kind, f"{name}-{pilot.public_id}", at)


@require_POST
@operator_page(*DESK_WRITERS)
def send(request: HttpRequest, operator: OperatorPrincipal, public_id: str, name: str) -> HttpResponse:
    """Send it, or look at it with what was typed."""
    here = reverse("pilots:desk_text", args=[public_id, name])
    with looking(request, operator):
        pilot = access_pilot(public_id)
        made = _drafted(pilot, name, {}, None)
    form = SendForm(spoken_slots(made.text), made.slots, request.POST)
    channel = request.POST.get("channel", "")
    if not form.is_valid() or channel == "look":
        return _draft_page(request, operator, public_id, name, form, 200 if form.is_valid() else 422)
    try:
        with commanding(request, operator):
            row = send_ready(public_id, name, form.spoken(), channel=channel, key=form.cleaned_data["key"])
    except NotYet as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(here)
    except PilothouseError as refused:
        status = refused_in(form, refused)
        words = list(form.errors.get_json_data().values())
        messages.error(request, words[-1][-1]["message"])
        clean = SendForm(spoken_slots(made.text), made.slots, None, initial={**request.POST.dict()})
        return _draft_page(request, operator, public_id, name, clean, status)
    done = {"mail": _("It is on its way by mail."), "chat": _("It is on its way to the chat.")}
    messages.success(request, done.get(row.channel, _("It is kept as it stands.")))
    return HttpResponseRedirect(reverse("pilots:desk_message", args=[row.public_id]))


@require_GET
@operator_page()
def listed(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Everything that was sent of any pilot, the newest first."""
    asked = DeskList.of(request, "pilots:desk_messages", FILTERS, "all")
    with looking(request, operator):
        rows = sent_messages(audience=asked.wanted, search=asked.words, skip=asked.skip, count=DESK_PAGE_ROWS + 1)
    rows, frame = asked.shown(rows)
    return render(request, "pilots/desk_messages.html", {**frame, "rows": rows})


@require_GET
@operator_page()
def message(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """One message as it was sent."""
    with looking(request, operator):
        row = access_message(public_id)
        paper = kept_paper(row)
    return render(request, "pilots/desk_message.html", _kept_context(row, paper, "pilots:desk_message_file"))


@require_GET
@operator_page()
def message_file(request: HttpRequest, operator: OperatorPrincipal, public_id: str, kind: str) -> HttpResponse:
    """The same as a file."""
    with looking(request, operator):
        row = access_message(public_id)
        paper = kept_paper(row)
    return as_file(paper, kind, f"{row.text}-{row.public_id}", row.sent_at)


@require_GET
@member_page
def mine(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """A message to the customer, as it was sent."""
    with tenant_scope(principal.tenant, principal.actor):
        row = access_message(public_id, audience="customer")
        paper = kept_paper(row)
    return render(request, "pilots/my_message.html", _kept_context(row, paper, "pilots:my_message_file"))


@require_GET
@member_page
def mine_file(request: HttpRequest, principal: Principal, public_id: str, kind: str) -> HttpResponse:
    """The same as a file."""
    with tenant_scope(principal.tenant, principal.actor):
        row = access_message(public_id, audience="customer")
        paper = kept_paper(row)
    return as_file(paper, kind, f"{row.text}-{row.public_id}", row.sent_at)


def _kept_context(row: PilotMessage, paper: Paper, file_name: str) -> dict[str, Any]:
    return {
        "row": row,
        "pilot": row.pilot,
        "paper": paper,
        "html": as_html(paper),
        "files": [(each, reverse(file_name, args=[row.public_id, each])) for each in FORMATS],
    }


def kept_paper(row: PilotMessage) -> Paper:
    """A kept message as a paper. Its words are those that were kept, which the inputs give again."""
    return paper_of(pinned(row.pilot.runbook_hash), row.inputs)
