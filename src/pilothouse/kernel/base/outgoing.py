"""The one question that every channel asks before something leaves for a customer: may it?

The rooms that send stand below the one that knows the answer, so that one registers here when the house starts.
"""

from collections.abc import Iterable
from typing import Protocol

from django.http import HttpRequest


class Guard(Protocol):
    """Judges a text that we author. `echoed` are the customer's own values in it, which are never held against it."""

    def __call__(self, channel: str, text: str, *, echoed: Iterable[str], tenant: int | None, subject: str) -> bool:
        """False when it must not leave; the guard has then seen to everything else."""


_guards: list[Guard] = []


def register(guard: Guard) -> None:
    """Ask this guard from now on; registering it twice is the same as once."""
    if guard not in _guards:
        _guards.append(guard)


def may_leave(
    channel: str, text: str, *, echoed: Iterable[str] = (), tenant: int | None = None, subject: str = ""
) -> bool:
    """Whether `text` may leave through `channel` (webhook, mail, api, page, export) for a tenant's people."""
    own = tuple(echoed)
    return all(guard(channel, text, echoed=own, tenant=tenant, subject=subject) for guard in _guards)


def echo(request: HttpRequest, *values: str) -> None:
    """Say that the page of this request shows these values of the customer; they are never held against it."""
    request.__dict__.setdefault("echoed_values", []).extend(values)


def echoed(request: HttpRequest) -> tuple[str, ...]:
    """What the views of this request named as the customer's own."""
    return tuple(request.__dict__.get("echoed_values", ()))
