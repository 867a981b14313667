"""What happens when a pilot's time is over. Each handler leaves a pilot alone that has moved on."""

from django.conf import settings

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.lifecycle.timers import on_timer
from pilothouse.kernel.outbox.notices import Chat, notify

from . import limits
from .lifecycle import BEFORE, PILOT
from .pausing import give_up
from .pilot_models import Pilot
from .pilot_steps import tell
from .running import abandon
from .verdicts import end_keys, to_review


def _locked(fired: list[Row], *states: str) -> list[Pilot]:
    ids = [row["subject_id"] for row in fired]
    return list(Pilot.objects.select_for_update(of=("self",)).filter(id__in=ids, state__in=states).order_by("id"))


def _tell_operators(line: str) -> None:
    notify([Chat(url, f"{settings.PRODUCT_NAME} pilots", line) for url in settings.ALERT_URLS])


@on_timer(PILOT.name, "deadline")
def deadline(fired: list[Row]) -> None:
    """The window is over: review. One that is paused goes to review when it is resumed."""
    for pilot in _locked(fired, "active"):
        to_review(pilot, "review", "timer", {"why": "deadline"})
        _tell_operators(f"The pilot of {pilot.company} ({pilot.public_id}) is over its deadline: its verdict is due.")


@on_timer(PILOT.name, "stale")
def stale(fired: list[Row]) -> None:
    """Nobody moved it for two weeks, after two notices: it is closed as no_response."""
    for pilot in _locked(fired, *BEFORE):
        abandon(pilot.public_id, "no_response", role="timer")


def _notice(day: int) -> None:
    @on_timer(PILOT.name, f"stale_notice_{day}")
    def handler(fired: list[Row]) -> None:
        for pilot in _locked(fired, *BEFORE):
            tell(pilot, "stale_notice", {"days": day})
            _tell_operators(f"Nothing has happened for {day} days in the pilot of {pilot.company} ({pilot.public_id}).")


for _day in limits.STALE_NOTICES_DAYS:
    _notice(_day)


@on_timer(PILOT.name, "pause_max")
def pause_max(fired: list[Row]) -> None:
    """A pause is bounded: the pilot goes to review, where with an open P0 only the failure can be signed."""
    for pilot in _locked(fired, "paused"):
        give_up(pilot.public_id, role="timer")


@on_timer(PILOT.name, "key_end")
def key_end(fired: list[Row]) -> None:
    """Seven days' notice is over."""
    for pilot in _locked(fired, "closed", "enterprise"):
        end_keys(pilot, "upgraded" if pilot.state == "enterprise" else "pilot_closed")
