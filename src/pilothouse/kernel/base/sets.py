"""Work on a set that survives a bad member."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError

from .sql import sqlstate

T = TypeVar("T")
RETRY_WAITS_S = (0.1, 0.5)
# Connection lost, transaction rolled back by the server, out of resources, lock not given, server stopping, I/O error.
PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})


def is_passing(error: Exception) -> bool:
    """Whether a database error says nothing about the rows: the server went away, or ended a deadlock."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    state = sqlstate(error)
    return not state or state[:2] in PASSING_CLASSES


def halved(members: list[T], act: Callable[[list[T]], None], bad: Callable[[T, Exception], None]) -> None:
    """Run `act` on the set; when it raises, halve the set until the bad member is alone and give it to `bad`.

    `act` must be one transaction, so that a failed call has changed nothing, and safe to repeat: when the connection
    was lost at the commit, nobody knows whether it happened. All other members proceed. A server that is away is no
    member's fault: the set is tried again for a moment, then the error is raised and nobody is called bad.
    """
    if not members:
        return
    try:
        _act(members, act)
    except Exception as error:
        if is_passing(error):
            raise
        if len(members) == 1:
            bad(members[0], error)
            return
        middle = len(members) // 2
        halved(members[:middle], act, bad)
        halved(members[middle:], act, bad)


def _act(members: list[T], act: Callable[[list[T]], None]) -> None:
    for wait in RETRY_WAITS_S:
        try:
            return act(members)
        except (OperationalError, InterfaceError) as error:
            if not is_passing(error):
                raise
            time.sleep(wait)
    return act(members)
