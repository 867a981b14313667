"""Terms on the desk: what is in force where, each version, what two differ in, and the way to the next one.

A version never changes once it is published: an operator copies the one in force, changes the copy, and publishes it
after reading what it changes. Deals keep the version they were made with.
"""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pilothouse.kernel.access.desk import DESK_WRITERS, act, commanding, link, looking, may_act, refused_in
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.terms.commands import retire
from pilothouse.kernel.terms.differences import differences

from .desk_reads import terms_with_deals
from .desk_terms_form import LENGTHS, TermsForm
from .publishing import draft_version, publish_draft
from .terms_checks import KIND


@require_GET
@operator_page()
def names(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Country by category: which terms are in force where, and every version that there is."""
    with looking(request, operator):
        rows = terms_with_deals()
    in_force = {row["name"]: row for row in rows if row["state"] == "published"}
    countries = sorted({row["body"]["country"] for row in rows})
    categories = sorted({row["body"]["category"] for row in rows})
    matrix = [
        {"country": country, "cells": [in_force.get(f"{country}_{category}") for category in categories]}
        for country in countries
    ]
    context = {"versions": rows, "matrix": matrix, "categories": categories, "may_act": may_act(operator)}
    return render(request, "deals/desk_terms.html", context)


@require_GET
@operator_page()
def one(request: HttpRequest, operator: OperatorPrincipal, name: str) -> HttpResponse:
    """One version in full, with what it changes against the one in force."""
    with looking(request, operator):
        rows = _versions(name)
    row = _numbered(rows, request.GET.get("version", "")) or _published(rows) or rows[0]
    current = _published(rows)
    changes = differences(current["body"], row["body"]) if current and current is not row else []
    context = {
        "row": row,
        "body": row["body"],
        "lengths": [(label, row["body"][key], key) for key, label in LENGTHS.items()],
        "codes": _codes(row["body"]),
        "versions": rows,
        "current": current,
        "changes": [each for each in changes if each[0] != "version"],
        "may_act": may_act(operator),
    }
    return render(request, "deals/desk_terms_one.html", context)


@require_GET
@operator_page()
def diff(request: HttpRequest, operator: OperatorPrincipal, name: str) -> HttpResponse:
    """What two versions differ in."""
    with looking(request, operator):
        rows = _versions(name)
    old = _numbered(rows, request.GET.get("a", "")) or rows[min(1, len(rows) - 1)]
    new = _numbered(rows, request.GET.get("b", "")) or rows[0]
    changes = [each for each in differences(old["body"], new["body"]) if each[0] != "version"]
    context = {"name": name, "versions": rows, "old": old, "new": new, "changes": changes}
    return render(request, "deals/desk_terms_diff.html", context)


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def new(request: HttpRequest, operator: OperatorPrincipal, name: str) -> HttpResponse:
    """Copy the version in force (or the newest), change it, and keep it as a draft."""
    with looking(request, operator):
        rows = _versions(name)
    base, status = _published(rows) or rows[0], 200
    given = request.POST or kept_form(request, operator)
    form = TermsForm(base["body"], given)
    # The number that the page showed: sent again it is the same draft, and a stale page's is told so.
    asked = str(given.get("number", "")) if given else ""
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else rows[0]["version"] + 1
    if request.method == "POST" and form.is_valid():
        body = form.body_of(number)
        try:
            with commanding(request, operator):
                made = draft_version(body, form.cleaned_data["note"])
        except PilothouseError as refused:
            status = refused_in(form, refused, form.field_of(refused))
        else:
            messages.success(request, _("Version %(n)s is a draft. Read what it changes.") % {"n": made.version})
            return HttpResponseRedirect(link(reverse("deals:desk_terms_one", args=[name]), version=str(made.version)))
    elif request.method == "POST":
        status = 422
    fields = form.fields
    context = {
        "form": form,
        "name": name,
        "base": base,
        "number": rows[0]["version"] + 1,
        "head": [form[key] for key in ("holdbackRatio", "immediateReleaseAt", "disputeExpiryOutcome", *LENGTHS)],
        "codes": [(form[key], form[key.replace("cap_", "outcomes_", 1)]) for key in fields if key.startswith("cap_")],
    }
    return render(request, "deals/desk_terms_new.html", context, status=status)


@require_POST
@operator_page(*DESK_WRITERS)
def publish_one(request: HttpRequest, operator: OperatorPrincipal, name: str, version: int) -> HttpResponse:
    """Put a draft in force. Its checks run again; new deals use it from now on, the others keep theirs."""
    return act(
        request,
        operator,
        lambda: publish_draft(name, version),
        done=_("Version %(n)s is in force for new deals. Deals that are open keep theirs.") % {"n": version},
        back=link(reverse("deals:desk_terms_one", args=[name]), version=str(version)),
    )


@require_POST
@operator_page(*DESK_WRITERS)
def retire_one(request: HttpRequest, operator: OperatorPrincipal, name: str) -> HttpResponse:
    """Take the version in force out of it: no new deal of this country and category can be made."""

    def command() -> None:
        _versions(name)
        retire(KIND, name)

    return act(
        request,
        operator,
        command,
        done=_("It is retired. No new deal of this kind can be made; open deals go on."),
        back=reverse("deals:desk_terms_one", args=[name]),
    )


def _versions(name: str) -> list[Row]:
    rows = terms_with_deals(name)
    if not rows:
        raise Http404
    return rows


def _numbered(rows: list[Row], number: str) -> Row | None:
    return next((row for row in rows if str(row["version"]) == number), None)


def _published(rows: list[Row]) -> Row | None:
    return next((row for row in rows if row["state"] == "published"), None)


def _codes(body: dict[str, Any]) -> list[dict[str, Any]]:
    allowed = body["allowedOutcomes"]
    return [
        {
            "code": code,
            "cap": cap,
            "outcomes": allowed.get(code, allowed.get("*", ())),
            "evidence": body["requiredEvidence"].get(code, ()),
        }
        for code, cap in body["offsetCapsByReasonCode"].items()
    ]
