"""What the worker process runs for this room."""

from pilothouse.kernel.work.pump import Periodic

from . import pilot_timers  # noqa: F401 - registers what happens when a pilot's time is over
from .advancing import advance_all
from .limits import ADVANCE_EVERY_S, FOLLOW_EVERY_S
from .pausing import follow_gates


def periodic() -> list[Periodic]:
    """Pilots follow the gates over their accounts, and move on when their lines are done."""
    return [
        Periodic("pilots_follow_gates", FOLLOW_EVERY_S, follow_gates),
        Periodic("pilots_advance", ADVANCE_EVERY_S, advance_all),
    ]
