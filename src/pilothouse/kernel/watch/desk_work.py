"""What the desk shows of each program's work, which this room does not know by itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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


WORK: dict[str, DeskWork] = {}


def declare_work(work: DeskWork) -> DeskWork:
    """Make a program's work known to the desk."""
    WORK[work.program] = work
    return work
