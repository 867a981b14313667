"""This program's pages on the operator desk: the hidden providers, and the proof of parity."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.desk import DESK_WRITERS, act, looking, may_act, refused_in, tabs
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.watch.parity import proof_of_pair
from pilothouse.ui.units import share_text

from . import desk_reads, limits
from .desk_charts import distribution, quantile, shares
from .desk_parity import Parity, ParitySide, compare
from .desk_run import ParityForm, run_both_ways
from .parity_proofs import API, PROGRAM, keep_proof, why_not

WINDOWS_S = {"hour": 3600, "day": 86_400, "week": 7 * 86_400}


@require_GET
@operator_page()
def providers(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """How the hidden providers fare. Internal: capacity and routing, never a promise and never a customer's."""
    window = request.GET.get("window", "day")
    window = window if window in WINDOWS_S else "day"
    with looking(request, operator):
        rows = desk_reads.calls(WINDOWS_S[window])
        seconds = desk_reads.video_seconds(WINDOWS_S[window])
        states = desk_reads.breaker_states()
    labels = {"hour": _("Last hour"), "day": _("Last day"), "week": _("Last week")}
    context = {
        "providers": [_provider(row, seconds.get(row["provider"], []), states) for row in rows],
        "shares": shares(
            [(row["provider"], row["submits"]) for row in rows], _("Each provider's share of what was submitted")
        )
        if rows
        else "",
        "tabs": tabs(reverse("video:desk_providers"), window, labels, {}, "window"),
        "tail": limits.DESK_TAIL_ATTEMPTS,
    }
    return render(request, "video/desk_providers.html", context)


def _provider(row: dict[str, Any], seconds: list[float], states: dict[str, str]) -> dict[str, Any]:
    ended = row["failed_items"] + row["made_items"]
    return {
        **row,
        "failure": share_text(row["broken"] / row["calls"]),
        "item_failure": share_text(row["failed_items"] / ended if ended else None),
        "is_bad": row["broken"] * 5 > row["calls"],
        "video_p50": _seconds(quantile(seconds, 0.5)),
        "video_p95": _seconds(quantile(seconds, 0.95)),
        "videos": len(seconds),
        "breaker": states.get(row["provider"], "closed"),
        "chart": distribution(seconds, _("Seconds from submit to fetch of each video")) if seconds else "",
    }


def _seconds(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f} s"


@require_GET
@operator_page()
def parity(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Compare two batches field by field, or run the same videos through both entry points."""
    given = {"batch": request.GET.get("a", ""), "account": request.GET.get("account", "")}
    return _parity(request, operator, ParityForm(kept_form(request, operator), initial=given))


@require_GET
@operator_page()
def parity_live(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """The comparison alone, fetched again while the videos are made."""
    return render(request, "video/_desk_parity.html", _comparison(request, operator))


@require_POST
@operator_page(*DESK_WRITERS)
def parity_run(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Send the same videos through the form's path and through the API, and compare the two batches."""
    form = ParityForm(request.POST)
    if not form.is_valid():
        return _parity(request, operator, form, status=422)
    try:
        pair = run_both_ways(request, operator, form.cleaned_data)
    except PilothouseError as refused:
        field = "batch" if isinstance(refused, NotFound) else None
        return _parity(request, operator, form, status=refused_in(form, refused, field))
    messages.success(request, _("Both batches are accepted: the first through the form, the second through the API."))
    return HttpResponseRedirect(f"{reverse('video:desk_parity')}?a={pair[0]}&b={pair[1]}")


@require_POST
@operator_page(*DESK_WRITERS)
def parity_keep(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Keep the comparison of two batches as a proof of their account."""
    a, b = (request.POST.get(side, "").strip().replace("\x00", "")[:64] for side in ("a", "b"))
    return act(
        request,
        operator,
        lambda: keep_proof(a, b),
        done=_("Kept. The customer sees it on the page of their pilot."),
        back=f"{reverse('video:desk_parity')}?{urlencode({'a': a, 'b': b})}",
    )


def _parity(request: HttpRequest, operator: OperatorPrincipal, form: ParityForm, status: int = 200) -> HttpResponse:
    with looking(request, operator):
        newest = desk_reads.newest_batches(limits.DESK_PARITY_CHOICES)
    context = {**_comparison(request, operator), "form": form, "newest": newest}
    return render(request, "video/desk_parity.html", context, status=status)


def _comparison(request: HttpRequest, operator: OperatorPrincipal) -> dict[str, Any]:
    a, b = (request.GET.get(side, "").strip().replace("\x00", "")[:64] for side in ("a", "b"))
    missing: list[str] = []
    found: Parity | None = None
    sides: list[ParitySide] = []
    kept = None
    if a and b:
        with looking(request, operator):
            for public_id in (a, b):
                try:
                    sides.append(desk_reads.parity_side(public_id))
                except NotFound:
                    missing.append(public_id)
            if not missing:
                found = compare(*sides)
                kept = proof_of_pair(sides[0].batch["tenant"], PROGRAM, a, b)
    ends = sorted(sides, key=lambda side: side.batch["entry"] == API)
    return {
        "a": a,
        "b": b,
        "missing": missing,
        "parity": found,
        "left": sides[0].batch if found else None,
        "right": sides[1].batch if found else None,
        "kept": kept,
        "may_act": may_act(operator),
        "why_not": why_not(ends[0], ends[1]) if found else "",
        "live_url": f"{reverse('video:desk_parity_live')}?a={a}&b={b}"
        if found and found.state == "insufficient"
        else "",
    }
