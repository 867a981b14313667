"""Ask or report, for the people of a pilot; and the operators' inbox."""

import re
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pilothouse.kernel.access.desk import (
    DESK_WRITERS,
    DeskList,
    act,
    commanding,
    looking,
    may_act,
    refused_in,
)
from pilothouse.kernel.access.page_access import member_page, operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal, Principal
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.scope import tenant_scope

from . import question_reads, questions
from .limits import PLACE_MAX_CHARACTERS
from .question_forms import KIND_BADGES, KIND_WORDS, AskForm, FaqForm, ReplyForm

STATES = {
    "waiting": gettext_lazy("Waiting"), "answered": gettext_lazy("Answered"), "all": gettext_lazy("All"),
}  # fmt: skip
# What a page is about: the first id in its address, and the program by the address's first word.
SUBJECT = re.compile(r"^/([a-z]+)/(?:.*/)?([a-z]+_[0-9A-Za-z]+)(?:/|$)")


def place_of(page: str) -> tuple[str, str]:
    """(program, subject) of a page's path: `/deals/deal_01…/` gives deals and deal_01…; empty texts for any other."""
    found = SUBJECT.match(page)
    return (found[1], found[2]) if found else (page.strip("/").partition("/")[0] if page.startswith("/") else "", "")


def subject_url(program: str, subject: str) -> str:
    """The desk page of what a report is about, by the name `PROGRAM:desk_KIND`; empty where there is none."""
    try:
        return reverse(f"{program}:desk_{subject.partition('_')[0]}", args=[subject])
    except NoReverseMatch:
        return ""


@require_http_methods(["GET", "POST"])
@member_page
def ask(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Ask or report; below stand the person's own, with their answers, and what others asked before."""
    start = {"page": request.GET.get("page", "")[:PLACE_MAX_CHARACTERS], "kind": request.GET.get("kind", "question")}
    given = request.POST or kept_form(request, principal)
    form, status = AskForm(given) if given else AskForm(initial=start), 200
    page = (given or start).get("page", "")
    program, subject = place_of(page)
    if request.method == "POST" and form.is_valid():
        try:
            with tenant_scope(principal.tenant, principal.actor):
                questions.report(
                    person=request.user.pk,  # type: ignore[arg-type]
                    kind=form.cleaned_data["kind"],
                    words=form.cleaned_data["words"],
                    page=form.cleaned_data["page"],
                    program=program,
                    subject=subject,
                )
        except PilothouseError as refused:
            status = refused_in(form, refused, "words")
        else:
            messages.success(request, _("It is with us. The answer will stand on this page."))
            return HttpResponseRedirect(reverse("pilots:ask"))
    elif request.method == "POST":
        status = 422
    with tenant_scope(principal.tenant, principal.actor):
        mine = question_reads.mine(request.user.pk)  # type: ignore[arg-type]
        faq = question_reads.faq()
    context = {
        "form": form,
        "subject": subject,
        "mine": [{**row, "kind_words": KIND_WORDS[row["kind"]]} for row in mine],
        "faq": [row for row in faq if row["program"] in ("", program) or not program],
    }
    return render(request, "pilots/ask.html", context, status=status)


@require_GET
@operator_page()
def inbox(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What waits for an answer: what endangers somebody first, then the oldest."""
    kept = kept_form(request, operator)
    if kept is None:
        return _inbox(request, operator, {})
    public_id, name = kept.to.split("/")[-2:]
    form: Form = ReplyForm(kept, auto_id=f"{public_id}_%s")
    if name == "faq":
        form = FaqForm(kept, auto_id=f"{public_id}_faq_%s")
    return _inbox(request, operator, {public_id: (name, form)})


def _inbox(
    request: HttpRequest, operator: OperatorPrincipal, bound: dict[str, tuple[str, Form]], status: int = 200
) -> HttpResponse:
    asked = DeskList.of(request, "pilots:inbox", STATES, "waiting", kind={"": "", **KIND_WORDS})
    state, kind, words = asked.state, asked.filters["kind"], asked.words
    if bound:
        # A form that was refused is shown with its report, wherever the list stands.
        state, kind, words = "all", "", next(iter(bound))
    with looking(request, operator):
        rows = question_reads.inbox(state=state, kind=kind, search=words, skip=asked.skip)
        faq, sources = question_reads.faq(), question_reads.faq_sources()
        counts = question_reads.counts()
    rows, frame = asked.shown(rows)
    context = {
        **frame,
        "reports": [_shown(row, bound.get(row["public_id"])) for row in rows],
        "faq": [{**row, "sources": [_sourced(each) for each in sources.get(row["id"], [])]} for row in faq],
        "counts": counts,
        "may_act": may_act(operator),
    }
    return render(request, "pilots/inbox.html", context, status=status)


def _sourced(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "url": subject_url(row["program"], row["subject"]) if row["subject"] else ""}


def _shown(row: dict[str, Any], bound: tuple[str, Form] | None) -> dict[str, Any]:
    name, form = bound or ("", None)
    start = {"question": " ".join(row["words"].split())[:120], "answer": row["reply"]}
    return {
        **_sourced(row),
        "kind_words": KIND_WORDS[row["kind"]],
        "kind_badge": KIND_BADGES[row["kind"]],
        "is_urgent": row["kind"] in questions.INCIDENT_KINDS,
        "reply_form": form if name == "reply" else ReplyForm(auto_id=f"{row['public_id']}_%s"),
        "faq_form": form if name == "faq" else FaqForm(initial=start, auto_id=f"{row['public_id']}_faq_%s"),
        "faq_open": name == "faq",
    }


@require_POST
@operator_page(*DESK_WRITERS)
def reply(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Answer a report; a refusal keeps what was typed."""
    form = ReplyForm(request.POST, auto_id=f"{public_id}_%s")
    if not form.is_valid():
        return _inbox(request, operator, {public_id: ("reply", form)}, 422)
    return act(
        request,
        operator,
        lambda: questions.answer(public_id, form.cleaned_data["reply"]),
        done=_("Answered. It stands on the person's page."),
        back=reverse("pilots:inbox"),
    )


@require_POST
@operator_page(*DESK_WRITERS)
def to_faq(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Keep a question with its answer for everybody; the entry links the deals that it came from."""
    form = FaqForm(request.POST, auto_id=f"{public_id}_faq_%s")
    if form.is_valid():
        with commanding(request, operator):
            questions.make_faq(public_id, form.cleaned_data["question"], form.cleaned_data["answer"])
        messages.success(request, _("It stands among the questions and answers."))
        return HttpResponseRedirect(reverse("pilots:inbox"))
    return _inbox(request, operator, {public_id: ("faq", form)}, 422)


@require_POST
@operator_page(*DESK_WRITERS)
def to_incident(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Open the incident of a report about safety or security."""
    return act(
        request,
        operator,
        lambda: questions.make_incident(public_id),
        done=_("The incident is open and its scope is paused."),
        back=reverse("pilots:inbox"),
    )
