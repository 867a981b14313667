"""What the worker process runs for this room."""

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.work.pump import Periodic

from .commands import prune_sessions, prune_usage

PRUNE_EVERY_S = 24 * 3600


def periodic() -> list[Periodic]:
    """Forget the per-call log of more than a year ago, and the sessions that have ended."""
    return [Periodic("prune_usage", PRUNE_EVERY_S, _prune), Periodic("prune_sessions", PRUNE_EVERY_S, _prune_sessions)]


def _prune() -> None:
    more = True
    while more:
        with worker_scope("retention"):
            more = prune_usage() > 0


def _prune_sessions() -> None:
    with worker_scope("retention"):
        prune_sessions()
