"""What the worker process runs for this room."""

from pilothouse.kernel.work.pump import Periodic

from .commands import escalate_due
from .invariants import run_all
from .limits import FORGET_EVERY_S, FULL_CHECK_EVERY_S, INVARIANTS_EVERY_S, STUCK_CHECK_EVERY_S
from .promises import forget_old_runs, run, watch_for_stuck

ESCALATE_EVERY_S = 15.0


def periodic() -> list[Periodic]:
    """Overdue incidents, the four promises over everything, the never-stuck detector, and old runs."""
    return [
        Periodic("watch_escalate", ESCALATE_EVERY_S, escalate_due),
        Periodic("watch_promises", FULL_CHECK_EVERY_S, run),
        Periodic("watch_invariants", INVARIANTS_EVERY_S, run_all),
        Periodic("watch_stuck", STUCK_CHECK_EVERY_S, watch_for_stuck),
        Periodic("watch_forget", FORGET_EVERY_S, forget_old_runs),
    ]
