"""What the worker process runs for this room."""

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.work.pump import Periodic

from .advancing import advance_all
from .daily_posts import post_daily
from .digests import follow_all
from .limits import ADVANCE_EVERY_S, DIGESTS_FOLLOW_EVERY_S, FOLLOW_EVERY_S, TRIGGERS_EVERY_S, UPDATES_EVERY_S
from .pausing import follow_gates
from .starting import go_on_all
from .triggers import watch_triggers


def periodic() -> list[Periodic]:
    """Pilots follow the gates over their accounts and move on when their lines are done; what has work is followed
    day by day, and the thresholds of the rollback are watched. Running pilots post their update once a day."""
    return [
        Periodic("pilots_follow_gates", FOLLOW_EVERY_S, follow_gates),
        Periodic("pilots_advance", ADVANCE_EVERY_S, advance_all),
        Periodic("pilots_start", ADVANCE_EVERY_S, go_on_all),
        Periodic("pilots_follow", DIGESTS_FOLLOW_EVERY_S, follow_new),
        Periodic("pilots_daily_posts", UPDATES_EVERY_S, post_daily),
        Periodic("pilots_triggers", TRIGGERS_EVERY_S, watch_triggers),
    ]


def follow_new() -> None:
    """Begin the digests of every account that has work of a piloted program."""
    with worker_scope("pilots"):
        follow_all()
