"""Who calls an operation of the JSON API, as far as every room may know it.

Access, higher up, finds out who it is; a room below access asks here, so that no room imports one above it.
"""

from typing import Protocol

from django.http import HttpRequest


class Caller(Protocol):
    """A caller whose right to act in one tenant is proven; access has the whole of it (`Principal`)."""

    @property
    def tenant(self) -> int:
        """The tenant's key."""

    @property
    def actor(self) -> str:
        """What timelines and journals name."""

    @property
    def mode(self) -> str:
        """`live`, or `test` for the wallet without value."""

    def require(self, scope: str) -> None:
        """Raise the error of a caller who lacks `scope`."""


def caller(request: HttpRequest, scope: str) -> Caller:
    """The caller of the running operation, who must hold `scope`."""
    found: Caller = request.auth  # type: ignore[attr-defined]
    found.require(scope)
    return found
