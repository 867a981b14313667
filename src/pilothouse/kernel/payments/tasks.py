"""What the worker process runs for this room."""

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.work.pump import Periodic

# Importing it registers what happens to a request that nobody answers.
from . import sending  # noqa: F401
from .checkouts import expire_checkouts
from .outgoing import open_payouts
from .processor_events import run_events
from .refunds import run_refunds
from .stripe_adapter import cards_are_set_up

OPEN_PAYOUTS_EVERY_S = 5.0
PROCESSOR_EVENTS_EVERY_S = 1.0
REFUNDS_EVERY_S = 5.0


def periodic() -> list[Periodic]:
    """Make payouts of what is owed, and do what the card processor tells."""
    return [
        Periodic("payouts_open", OPEN_PAYOUTS_EVERY_S, _open),
        Periodic("processor_events", PROCESSOR_EVENTS_EVERY_S, run_events),
        Periodic("refunds", REFUNDS_EVERY_S, _refunds),
    ]


def _open() -> None:
    with worker_scope("payouts"):
        open_payouts()
        expire_checkouts()


def _refunds() -> None:
    if cards_are_set_up():
        run_refunds()
