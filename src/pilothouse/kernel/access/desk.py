"""What all pages of the operator desk share: scopes, refusals, filters and paging."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.base.refusals import note_refusal
from pilothouse.kernel.base.scope import ops_scope, tenant_scope
from pilothouse.kernel.base.sql import Row, run, sqlstate

from .limits import DESK_COMMAND_TIMEOUT_MS, DESK_PAGE_ROWS, DESK_SEARCH_MAX_CHARACTERS
from .principal import OperatorPrincipal

# Support looks at everything and changes nothing.
DESK_WRITERS = ("admin", "operator")
STATEMENT_CANCELLED_SQLSTATE = "57014"


@contextmanager
def looking(request: HttpRequest, operator: OperatorPrincipal) -> Iterator[None]:
    """One read transaction over all tenants; who looked at which page is a row of `ops_access`."""
    with ops_scope(operator.actor, f"{request.method} {request.path}"[:DESK_SEARCH_MAX_CHARACTERS]):
        yield


@contextmanager
def commanding(request: HttpRequest, operator: OperatorPrincipal, tenant: int | None = None) -> Iterator[None]:
    """One transaction of a command; it may not hold a page for longer than a bound.

    It looks at everything, or, with `tenant`, works inside that account: it can then change that account's rows and
    sees no other's. Who opened which page is a row of `ops_access` either way.
    """
    if tenant is None:
        with looking(request, operator):
            run(f"SET LOCAL statement_timeout = {DESK_COMMAND_TIMEOUT_MS}")
            yield
        return
    with looking(request, operator):
        pass
    with tenant_scope(tenant, operator.actor):
        run(f"SET LOCAL statement_timeout = {DESK_COMMAND_TIMEOUT_MS}")
        yield


def act(
    request: HttpRequest,
    operator: OperatorPrincipal,
    command: Callable[[], Any],
    *,
    done: str | Callable[[Any], str],
    back: str,
    tenant: int | None = None,
) -> HttpResponse:
    """Run one command in the operator's scope, or inside one account, say what came of it, and go back to a page.

    A refusal is one sentence on that page, and nothing has changed. An id that is not there is a 404.
    """
    try:
        with commanding(request, operator, tenant):
            found = command()
    except NotFound:
        raise
    except PilothouseError as refused:
        note_refusal(refused)
        messages.error(request, str(refused))
    except OperationalError as slow:
        if sqlstate(slow) != STATEMENT_CANCELLED_SQLSTATE:
            raise
        messages.error(request, _("It took too long and was given up; nothing was changed. The worker runs it too."))
    else:
        messages.success(request, done(found) if callable(done) else done)
    return HttpResponseRedirect(back)


def refused_in(form: Form, refused: PilothouseError, field: str | None = None) -> int:
    """Put a refusal beside a field of the form (its last one by default); returns the refusal's status."""
    note_refusal(refused)
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
    return _plain(request, "q")


def _plain(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").strip().replace("\x00", "")[:DESK_SEARCH_MAX_CHARACTERS]


def paged(rows: list[Any], number: int, here: str, **keep: str) -> tuple[list[Any], dict[str, Any] | None]:
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


@dataclass(frozen=True, slots=True)
class DeskList:
    """A list of the desk as a request asks for it: one of `states`, search words, a page, and filters of its own.

    `kept` is what every link of the list carries: the state, the words, and the filters that are not at their default.
    """

    here: str
    states: Mapping[str, Any]
    state: str
    words: str
    number: int
    filters: Mapping[str, str]
    kept: Mapping[str, str]

    @classmethod
    def of(
        cls,
        request: HttpRequest,
        name: str,
        states: Mapping[str, Any] | None = None,
        default: str = "",
        **choices: Mapping[str, Any] | None,
    ) -> "DeskList":
        """Of the page with this address name; a state that there is not is the default.

        `choices` are the list's other filters: what each may be, the first one by default, or None for any text.
        """
        states = states or {}
        state = request.GET.get("state", default)
        state = state if state in states else default
        filters, kept = {}, {"state": state}
        for each, known in choices.items():
            given, first = _plain(request, each), next(iter(known), "") if known else ""
            filters[each] = given if known is None or given in known else first
            kept[each] = filters[each] if filters[each] != first else ""
        words = search_words(request)
        return cls(reverse(name), states, state, words, page_number(request), filters, {**kept, "q": words})

    @property
    def wanted(self) -> str:
        """The state that the query filters by; empty for all."""
        return "" if self.state == "all" else self.state

    @property
    def skip(self) -> int:
        """How many rows stand on the pages before."""
        return self.number * DESK_PAGE_ROWS

    def tabs(self, name: str, choices: Mapping[str, Any]) -> list[Row]:
        """The links to each value of one filter, which keep the others."""
        keep = {key: value for key, value in self.kept.items() if key != name}
        return tabs(self.here, self.filters.get(name, self.state), choices, keep, name)

    def shown(self, rows: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        """One page of rows that were read with one more, and the context of the list's frame."""
        rows, pager = paged(rows, self.number, self.here, **self.kept)
        frame = {**self.filters, "pager": pager, "tabs": self.tabs("state", self.states), "query": self.words}
        hidden = {key: value for key, value in self.kept.items() if value and key != "q"}
        return rows, {**frame, "state": self.state, "kept": hidden}


def may_act(operator: OperatorPrincipal) -> bool:
    """Whether buttons that change something are shown to this operator."""
    return operator.role in DESK_WRITERS
