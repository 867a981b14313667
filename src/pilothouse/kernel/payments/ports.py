"""What can be paid, who is paid, and who is told: programs and watch say it here, so that this room knows neither."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .errors import NotPayable


@dataclass(frozen=True, slots=True)
class Expected:
    """What a subject waits for: `amount` minor units of `unit`, shown to payers as `title`."""

    amount: int
    unit: str
    title: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A subject that waits for money: its `kind` and `ref`, the amount, and who is to pay it in words."""

    kind: str
    ref: str
    amount: int
    unit: str
    title: str
    payer: str


def _nobody(ref: str, news: str, key: str, side: str, amount: int) -> None:
    """For a program that tells nobody."""


@dataclass(frozen=True, slots=True)
class Payable:
    """One kind of subject.

    `expected(ref)` locks it and tells what it waits for, or None when it waits for nothing. `funded(ref, sources)`
    takes the whole amount, as (account of the tenant, amount) for each that gives a part. `people(refs)` is who is
    paid: by (ref, side), the person.
    `waiting(unit, amount, words, limit)` finds subjects of the open scope that wait for that amount (any when None) or
    that the words name.
    """

    expected: Callable[[str], Expected | None]
    funded: Callable[[str, Sequence[tuple[int, int]]], None]
    people: Callable[[Sequence[str]], dict[tuple[str, str], int]]
    waiting: Callable[[str, int | None, str, int], list[Waiting]]
    # `told(ref, news, key, side, amount)` tells that side of its money, in the open transaction; once for each key.
    # News are payout_sent, payout_confirmed, payout_failed, overpaid, underpaid and late_payment.
    told: Callable[[str, str, str, str, int], None] = _nobody


# `alarm(kind, title, tenant, subject)`: a person must look at it.
Alarm = Callable[[str, str, int | None, str], object]
_alarms: list[Alarm] = []


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


def register_alarm(alarm: Alarm) -> None:
    """Have somebody told when a person must look at something."""
    _alarms.append(alarm)


def raise_alarm(kind: str, title: str, *, tenant: int | None, subject: str) -> None:
    """Tell everybody who registered, in the open transaction (worker scope)."""
    for alarm in _alarms:
        alarm(kind, title, tenant, subject)
