"""What the worker process runs for this room."""

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.work.pump import Periodic

from .outgoing import open_payouts

OPEN_PAYOUTS_EVERY_S = 5.0


def periodic() -> list[Periodic]:
    """Make payouts of what is owed."""
    return [Periodic("payouts_open", OPEN_PAYOUTS_EVERY_S, _open)]


def _open() -> None:
    with worker_scope("payouts"):
        open_payouts()
