"""What can be paid, and who is paid: the programs say it here, so that this room knows none of them."""

from collections.abc import Callable
from dataclasses import dataclass

from .errors import NotPayable


@dataclass(frozen=True, slots=True)
class Expected:
    """What a subject waits for: `amount` minor units of `unit`, shown to payers as `title`."""

    amount: int
    unit: str
    title: str


@dataclass(frozen=True, slots=True)
class Payable:
    """One kind of subject.

    `expected(ref)` locks it and tells what it waits for, or None when it waits for nothing. `funded(ref, account)`
    takes the whole amount out of that account of the tenant. `person(ref, side)` is who is paid on a side.
    """

    expected: Callable[[str], Expected | None]
    funded: Callable[[str, int], None]
    person: Callable[[str, str], int | None]


_kinds: dict[str, Payable] = {}


def register(kind: str, payable: Payable) -> None:
    """Make subjects of `kind` payable."""
    _kinds[kind] = payable


def payable(kind: str) -> Payable:
    """The port of a kind; NotPayable when no program declared it."""
    found = _kinds.get(kind)
    if found is None:
        raise NotPayable(subject=kind)
    return found


def kinds() -> tuple[str, ...]:
    """The kinds of subject that can be paid."""
    return tuple(sorted(_kinds))
