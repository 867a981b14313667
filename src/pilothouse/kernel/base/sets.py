"""Work on a set that survives a bad member."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def halved(members: list[T], act: Callable[[list[T]], None], bad: Callable[[T, Exception], None]) -> None:
    """Run `act` on the set; when it raises, halve the set until the bad member is alone and give it to `bad`.

    `act` must be one transaction, so that a failed call has changed nothing. All other members proceed.
    """
    if not members:
        return
    try:
        act(members)
    except Exception as error:
        if len(members) == 1:
            bad(members[0], error)
            return
        middle = len(members) // 2
        halved(members[:middle], act, bad)
        halved(members[middle:], act, bad)
