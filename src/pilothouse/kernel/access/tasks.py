"""What the worker process runs for this room."""

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.work.pump import Periodic

from .commands import prune_usage

PRUNE_EVERY_S = 24 * 3600


def periodic() -> list[Periodic]:
    """Forget the per-call log of more than a year ago."""
    return [Periodic("prune_usage", PRUNE_EVERY_S, _prune)]


def _prune() -> None:
    more = True
    while more:
        with worker_scope("retention"):
            more = prune_usage() > 0
