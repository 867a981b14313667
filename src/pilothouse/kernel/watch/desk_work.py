"""What the desk shows of each program's work, which this room does not know by itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pilothouse.kernel.base.sql import Row


@dataclass(frozen=True, slots=True)
class DeskWork:
    """A program's work as an operator sees it, over all tenants (operator's scope).

    `today` gives how many pieces of work each of some tenants has begun since midnight UTC; `recent` the newest pieces
    of one tenant as rows {public_id, name, state, unit, reserved, settled, refunded, at, url}.
    """

    program: str
    title: str
    today: Callable[[Sequence[int]], Mapping[int, int]]
    recent: Callable[[int, int], list[Row]]


@dataclass(frozen=True, slots=True)
class DeskNeed:
    """What waits for an operator in a room above this one, for the desk's first page.

    `rows` gives the first of them, the most urgent first, as {title, url, state, tone, label, words, due_at, is_late}
    (operator's scope).
    """

    title: Any
    url_name: str
    rows: Callable[[], list[Row]]


WORK: dict[str, DeskWork] = {}
NEEDS: dict[str, DeskNeed] = {}


def declare_need(name: str, need: DeskNeed) -> None:
    """Show it on the desk's first page from now on."""
    NEEDS[name] = need


def declare_work(work: DeskWork) -> DeskWork:
    """Make a program's work known to the desk."""
    WORK[work.program] = work
    return work
