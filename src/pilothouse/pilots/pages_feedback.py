"""The feedback form, for the people of a pilot; and what they said, for operators."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from pilothouse.kernel.access.desk import DESK_WRITERS, DeskList, commanding, looking
from pilothouse.kernel.access.page_access import member_page, operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal, Principal
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row

from . import feedback
from .pages_questions import subject_url

STATES = {"all": gettext_lazy("All"), "words": gettext_lazy("With words")}


@require_http_methods(["GET", "POST"])
@member_page
def form(request: HttpRequest, principal: Principal, program: str, subject: str) -> HttpResponse:
    """The form of one piece of work that has ended; it is given once."""
    person: int = request.user.pk  # type: ignore[assignment]
    given = request.POST or kept_form(request, principal)
    filled = feedback.FeedbackForm(given or None)
    with tenant_scope(principal.tenant, principal.actor):
        about = feedback.access_form(program, subject, person)
        if request.method == "POST" and filled.is_valid():
            feedback.give(program, subject, person, filled.cleaned_data)
            messages.success(request, _("Thank you: it is with us, and changes what the next version looks like."))
            return HttpResponseRedirect(about.url)
    echo(request, about.title, *(str(value) for value in request.POST.values()))
    context = {
        "form": filled,
        "about": about,
        "subject": subject,
        "sections": [(title, [filled[name] for name in names]) for title, names in feedback.SECTIONS],
    }
    return render(request, "pilots/feedback_form.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def operator_form(request: HttpRequest, operator: OperatorPrincipal, program: str, subject: str) -> HttpResponse:
    """What an operator missed when they decided; it is given once."""
    filled = feedback.OperatorForm(request.POST or kept_form(request, operator) or None)
    with looking(request, operator):
        tenant, about = feedback.access_operator_form(program, subject, operator.user)
    if request.method == "POST" and filled.is_valid():
        with commanding(request, operator, tenant):
            feedback.keep(program, subject, operator.user, about, filled.cleaned_data)
        messages.success(request, _("It is kept, and read when the next version of the terms is made."))
        return HttpResponseRedirect(about.url)
    context = {
        "form": filled,
        "about": about,
        "subject": subject,
        "is_operator": True,
        "sections": [(title, [filled[name] for name in names]) for title, names in feedback.OPERATOR_SECTIONS],
    }
    return render(request, "pilots/feedback_form.html", context, status=422 if request.method == "POST" else 200)


@require_GET
@operator_page()
def listed(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What people answered: counted by question, and form by form."""
    asked = DeskList.of(request, "pilots:feedback_list", STATES, "all")
    with looking(request, operator):
        rows = feedback.listed(search=asked.words, words_only=asked.state == "words", skip=asked.skip)
        counts = feedback.totals()
    rows, frame = asked.shown(rows)
    context = {**frame, "forms": [_shown(row) for row in rows], "questions": _questions(counts)}
    return render(request, "pilots/feedback_list.html", context)


def _questions(counts: list[Row]) -> list[dict[str, Any]]:
    found: dict[str, list[tuple[str, int]]] = {name: [] for name in feedback.CHOICES}
    for row in counts:
        if row["name"] in found:
            found[row["name"]].append((feedback.answer_words(row["name"], row["answer"]), row["count"]))
    return [
        {"question": feedback.question(name), "answers": answers, "of": sum(count for _words, count in answers)}
        for name, answers in found.items()
        if answers
    ]


def _shown(row: Row) -> dict[str, Any]:
    given = row["answers"]
    return {
        **row,
        "url": subject_url(row["program"], row["subject"]),
        "words": [(feedback.question(name), text) for name, text in given["words"].items()],
        "noes": [feedback.question(name) for name, answer in given["choices"].items() if answer == "no"],
    }
