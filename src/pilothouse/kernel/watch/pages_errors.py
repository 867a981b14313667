"""Errors at the desk: ours, refused ones and browsers', grouped and counted; how fast pages were, what was pressed."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.desk import DeskList, link, looking
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.sql import Row

from . import desk_queries
from .limits import ERROR_TREND_BARS_COUNT

KINDS = {
    "": gettext_lazy("All"), "server": gettext_lazy("Ours"), "browser": gettext_lazy("In browsers"),
    "refused": gettext_lazy("Refused"),
}  # fmt: skip
KIND_WORDS = {
    "server": gettext_lazy("ours"), "browser": gettext_lazy("browser"), "refused": gettext_lazy("refused"),
}  # fmt: skip
TONES = {"server": "breach", "browser": "held", "refused": "returned"}
HOURS = {"24": gettext_lazy("24 hours"), "168": gettext_lazy("7 days"), "720": gettext_lazy("30 days")}
# The desk page of what an address names, by the prefix of its id.
SUBJECT_PAGES = {"deal": "deals:desk_deal", "inc": "desk:incident", "ten": "desk:tenant"}
DAYS = 30
BAR_PX, BAR_GAP_PX, TREND_HEIGHT_PX = 4, 1, 20


@require_GET
@operator_page()
def error_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Groups of errors of the last hours or days: ours first, then the most frequent."""
    asked = DeskList.of(request, "desk:errors", KINDS, hours=HOURS)
    hours = asked.filters["hours"]
    with looking(request, operator):
        rows = desk_queries.errors(kind=asked.state, hours=int(hours), search=asked.words, skip=asked.skip)
        counts = desk_queries.error_counts(int(hours))
    rows, frame = asked.shown(rows)
    context = {
        **frame,
        "errors": [_shown(row, str(HOURS[hours])) for row in rows],
        "counts": counts,
        "spans": asked.tabs("hours", HOURS),
    }
    return render(request, "watch/errors.html", context)


@require_GET
@operator_page()
def browser_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Pages by how often they were opened and how fast they were, and named acts by how often."""
    asked = DeskList.of(request, "desk:errors_pages")
    with looking(request, operator):
        pages = desk_queries.client_days("page", DAYS, asked.words, skip=asked.skip)
        acts = desk_queries.client_days("act", DAYS, asked.words)
    pages, frame = asked.shown(pages)
    context = {
        **frame,
        "pages": [
            {**row, "quick_words": f"{100 * row['quick']:.0f} %", "slow_words": f"{100 * row['slow']:.0f} %"}
            for row in pages
        ],
        "acts": acts[:DESK_PAGE_ROWS],
        "more": len(acts) > DESK_PAGE_ROWS,
        "days": DAYS,
        "errors_url": link(reverse("desk:errors"), state="browser"),
    }
    return render(request, "watch/errors_pages.html", context)


def _shown(row: Row, span: str) -> dict[str, Any]:
    example = row["example"]
    title = ngettext("%(n)s time in %(span)s", "%(n)s times in %(span)s", row["lately"])
    title %= {"n": row["lately"], "span": span}
    return {
        **row,
        "kind_words": KIND_WORDS[row["kind"]],
        "tone": TONES[row["kind"]],
        "times": title,
        "trend": trend(row["bars"], title),
        "subject": example.get("subject", ""),
        "url": subject_url(example.get("subject", "")),
        "frames": "\n".join(example.get("frames", ())),
        "script": f"{example['script']}:{example.get('line', 0)}" if example.get("script") else "",
        "request_id": example.get("request_id", ""),
    }


def subject_url(public_id: str) -> str:
    """The desk page of what an error was about; empty where there is none."""
    name = SUBJECT_PAGES.get(public_id.partition("_")[0])
    try:
        return reverse(name, args=[public_id]) if name else ""
    except NoReverseMatch:
        return ""


def trend(bars: dict[str, int], title: str) -> SafeString:
    """Small bars over time, the newest at the right; `bars` holds counts by the number of the bar, as text."""
    most = max(bars.values(), default=1)
    step = BAR_PX + BAR_GAP_PX
    drawn = format_html_join(
        "",
        '<rect class="bar-plain" x="{}" y="{}" width="{}" height="{}"/>',
        (
            (int(bar) * step, f"{TREND_HEIGHT_PX * (1 - count / most):.1f}", BAR_PX,
             f"{max(2, TREND_HEIGHT_PX * count / most):.1f}")
            for bar, count in sorted(bars.items())
        ),
    )  # fmt: skip
    width = ERROR_TREND_BARS_COUNT * step
    return format_html(
        '<svg class="chart trend" width="{}" height="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/>{}</svg>',
        width, TREND_HEIGHT_PX + 1, width, TREND_HEIGHT_PX + 1, _("Trend: %(words)s") % {"words": title},
        width, TREND_HEIGHT_PX + 0.5, TREND_HEIGHT_PX + 0.5, drawn,
    )  # fmt: skip
