"""The operator desk's first page, what needs me now, and what all of its pages share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.base.scope import ops_scope
from pilothouse.kernel.base.sql import Row, run
from pilothouse.kernel.ledger.grants import grant_requests

from . import desk_queries
from .limits import DESK_COMMAND_TIMEOUT_MS, DESK_HOME_ROWS, DESK_PAGE_ROWS, DESK_SEARCH_MAX_CHARACTERS

# Support looks at everything and changes nothing.
DESK_WRITERS = ("admin", "operator")


@contextmanager
def looking(request: HttpRequest, operator: OperatorPrincipal) -> Iterator[None]:
    """One read transaction over all tenants; who looked at which page is a row of `ops_access`."""
    with ops_scope(operator.actor, f"{request.method} {request.path}"[:DESK_SEARCH_MAX_CHARACTERS]):
        yield


@contextmanager
def commanding(request: HttpRequest, operator: OperatorPrincipal) -> Iterator[None]:
    """One transaction of a command that looks at everything; it may not hold a page for longer than a bound."""
    with looking(request, operator):
        run(f"SET LOCAL statement_timeout = {DESK_COMMAND_TIMEOUT_MS}")
        yield


def act(
    request: HttpRequest,
    operator: OperatorPrincipal,
    command: Callable[[], Any],
    *,
    done: str | Callable[[Any], str],
    back: str,
) -> HttpResponse:
    """Run one command in the operator's scope, say what came of it, and go back to a page.

    A refusal is one sentence on that page, and nothing has changed. An id that is not there is a 404.
    """
    try:
        with commanding(request, operator):
            found = command()
    except NotFound:
        raise
    except PilothouseError as refused:
        messages.error(request, str(refused))
    except OperationalError as slow:
        if getattr(slow.__cause__, "sqlstate", "") != "57014":
            raise
        messages.error(request, _("It took too long and was given up; nothing was changed. The worker runs it too."))
    else:
        messages.success(request, done(found) if callable(done) else done)
    return HttpResponseRedirect(back)


def refused_in(form: Form, refused: PilothouseError, field: str | None = None) -> int:
    """Put a refusal beside a field of the form (its last one by default); returns the refusal's status."""
    form.add_error(field or list(form.fields)[-1], ValidationError(str(refused), code=refused.code))
    return refused.status


def tabs(here: str, current: str, labels: Mapping[str, Any], keep: Mapping[str, str], name: str) -> list[Row]:
    """Filter tabs: each a link that keeps the other filters."""
    return [
        {"label": label, "url": link(here, **{**keep, name: key}), "current": key == current, "count": None}
        for key, label in labels.items()
    ]


def link(url: str, **query: str) -> str:
    """An address with the parameters that are not empty."""
    given = {key: value for key, value in query.items() if value}
    return f"{url}?{urlencode(given)}" if given else url


def page_number(request: HttpRequest) -> int:
    """The page asked for, from 0; a bad one is the first."""
    given = request.GET.get("page", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0


def search_words(request: HttpRequest) -> str:
    """The search words of a list, bounded and without NUL."""
    return request.GET.get("q", "").strip().replace("\x00", "")[:DESK_SEARCH_MAX_CHARACTERS]


def paged(rows: list[Row], number: int, here: str, **keep: str) -> tuple[list[Row], dict[str, Any] | None]:
    """One page of rows that were read with one more than a page holds, and the pager's links."""
    more = len(rows) > DESK_PAGE_ROWS
    rows = rows[:DESK_PAGE_ROWS]
    if not more and number == 0:
        return rows, None
    first = number * DESK_PAGE_ROWS + 1
    return rows, {
        "first": first,
        "last": first + len(rows) - 1,
        "total": None,
        "previous_url": link(here, **keep, page=str(number - 1) if number > 1 else "") if number else "",
        "next_url": link(here, **keep, page=str(number + 1)) if more else "",
    }


def may_act(operator: OperatorPrincipal) -> bool:
    """Whether buttons that change something are shown to this operator."""
    return operator.role in DESK_WRITERS


@require_GET
@operator_page()
def home(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What needs an operator now, the worst first; when nothing does, when that was last looked at."""
    with looking(request, operator):
        incidents = desk_queries.incidents(state="open", count=DESK_HOME_ROWS)
        gates = desk_queries.closed_gates(count=DESK_HOME_ROWS)
        grants = grant_requests("requested", count=DESK_HOME_ROWS)
        red = desk_queries.red_checks()
        jobs = desk_queries.failing_jobs(count=DESK_HOME_ROWS)
        dead = desk_queries.dead_deliveries(count=DESK_HOME_ROWS)
        counts = desk_queries.home_counts()
        checked = desk_queries.last_looks()
    needs = [len(red), *(counts[key] for key in ("incidents", "gates", "grants", "jobs", "dead"))]
    context = {
        "quiet": not any(needs),
        "incidents": incidents,
        "gates": gates,
        "grants": grants,
        "red": red,
        "jobs": jobs,
        "dead": dead,
        "counts": counts,
        "checked": checked,
        "stats": _stats(counts, len(red)),
    }
    return render(request, "watch/home.html", context)


def _stats(counts: Row, red: int) -> list[dict[str, Any]]:
    """Each number of the desk with the page that explains it."""
    return [
        {"label": _("Open incidents"), "value": counts["incidents"], "url": reverse("desk:incidents"), "bad": True},
        {"label": _("Closed gates"), "value": counts["gates"], "url": reverse("desk:gates"), "bad": False},
        {"label": _("Grants to approve"), "value": counts["grants"], "url": reverse("desk:grants"), "bad": False},
        {"label": _("Red checks"), "value": red, "url": reverse("desk:promises"), "bad": True},
        {"label": _("Stuck kinds"), "value": counts["stuck"], "url": reverse("desk:stuck"), "bad": True},
        {"label": _("Failing jobs"), "value": counts["jobs"], "url": reverse("desk:health"), "bad": False},
        {"label": _("Given up"), "value": counts["dead"], "url": reverse("desk:deliveries"), "bad": False},
    ]
