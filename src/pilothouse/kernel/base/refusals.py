"""Which refusals a request was answered with, so that whoever counts them need not be known where they are shown.

The middleware of `kernel/watch` opens the list for the length of a request; what shows a refusal to somebody notes it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .errors import PilothouseError

_noted: ContextVar[list[PilothouseError] | None] = ContextVar("refusals", default=None)


def note_refusal(error: PilothouseError) -> None:
    """Say that this error is what somebody is told; outside a request nothing happens."""
    noted = _noted.get()
    if noted is not None and error not in noted:
        noted.append(error)


@contextmanager
def noting() -> Iterator[list[PilothouseError]]:
    """The refusals noted in the block, in their order."""
    noted: list[PilothouseError] = []
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)
