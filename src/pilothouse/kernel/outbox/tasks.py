"""What the worker process runs for this room."""

from pilothouse.kernel.work.pump import Periodic, Pump

from .limits import SWEEP_EVERY_S
from .notices import NoticePump
from .sender import WebhookPump, sweep


def pumps() -> list[Pump]:
    """The due rows of this room."""
    return [WebhookPump(), NoticePump()]


def periodic() -> list[Periodic]:
    """Give back what dead senders held; end what is open for too long."""
    return [Periodic("outbox_sweep", SWEEP_EVERY_S, sweep)]
