"""Finds pilots: with permission, under lock, and what has happened to them."""

from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.sql import Row, Statements

from .limits import SUCCESSES_UNLOCK_COUNT
from .pilot_models import Fix, Pilot, Signal

SQL = Statements(__file__, "sql/pilot")


def access_pilot(public_id: str) -> Pilot:
    """A pilot that the open scope may see; NotFound."""
    found = Pilot.objects.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(what="pilot")
    return found


def lock_pilot(public_id: str) -> Pilot:
    """The same, locked for a step; every command begins with it."""
    found = Pilot.objects.select_for_update(of=("self",)).filter(public_id=public_id).first()
    if found is None:
        raise NotFound(what="pilot")
    return found


def successes(program: str) -> int:
    """How many pilots of a program have succeeded (operators' or worker's scope)."""
    return Pilot.objects.filter(program=program, verdict="succeeded").count()


def is_self_service(program: str) -> bool:
    """Whether enough pilots succeeded for customers to begin without an operator (requirement PIL-014)."""
    return successes(program) >= SUCCESSES_UNLOCK_COUNT


def pilots(
    *,
    states: tuple[str, ...] = (),
    program: str = "",
    search: str = "",
    count: int,
    skip: int = 0,
    by_due: bool = False,
) -> list[Row]:
    """Pilots with their account's name and time zone, the newest first; `states` empty for all.

    With `by_due` the nearest due comes first.
    """
    return SQL.rows(
        "pilots", states=list(states), program=program, search=search, count=count, skip=skip, by_due=by_due
    )


def signals_of(pilot: Pilot) -> list[Signal]:
    """What the customer said, the newest first."""
    return list(Signal.objects.filter(pilot_id=pilot.id).order_by("-id"))


def fixes_of(pilot: Pilot) -> list[Fix]:
    """What went wrong in each attempt, the newest first."""
    return list(Fix.objects.filter(pilot_id=pilot.id).order_by("-id"))


def text_of(value: str, name: str, maximum: int, *, required: bool = True) -> str:
    """A text that a person gave, bounded and without NUL. Raises InvalidInput."""
    text = value.strip()
    if (required and not text) or len(text) > maximum or "\x00" in text:
        raise InvalidInput(reason=f"{name} must be text of {1 if required else 0} to {maximum} characters.")
    return text
