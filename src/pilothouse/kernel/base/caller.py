"""Who calls an operation of the JSON API or opens a page, as far as every room may know it.

Access, higher up, finds out who it is; a room below access asks here, so that no room imports one above it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse

PageView = Callable[..., HttpResponse]
_page_guards: list[Callable[[PageView], PageView]] = []


class Caller(Protocol):
    """A caller whose right to act in one tenant is proven; access has the whole of it (`Principal`)."""

    @property
    def tenant(self) -> int:
        """The tenant's key."""

    @property
    def tenant_public_id(self) -> str:
        """The tenant's public id."""

    @property
    def actor(self) -> str:
        """What timelines and journals name."""

    @property
    def mode(self) -> str:
        """`live`, or `test` for the wallet without value."""

    def require(self, scope: str) -> None:
        """Raise the error of a caller who lacks `scope`."""

    def count_export(self) -> None:
        """Count one export of the tenant, before a scope is opened; raise the error of one too many."""


def caller(request: HttpRequest, scope: str) -> Caller:
    """The caller of the running operation, who must hold `scope`."""
    found: Caller = request.auth  # type: ignore[attr-defined]
    found.require(scope)
    return found


def register_page_guard(guard: Callable[[PageView], PageView]) -> None:
    """Let access guard the pages of the rooms below it; registering it twice is the same as once."""
    if guard not in _page_guards:
        _page_guards.append(guard)


def member_page(view: PageView) -> PageView:
    """Give the view `(request, caller, …)` for a signed-in member of a tenant; everybody else is sent to sign in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        (guard,) = _page_guards
        return guard(view)(request, *args, **kwargs)

    return guarded
