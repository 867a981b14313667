"""What the worker process runs for this room."""

from pilothouse.kernel.work.pump import Periodic

from .commands import delete_expired
from .limits import EXPIRE_EVERY_S


def periodic() -> list[Periodic]:
    """Retention: files whose time has come are deleted with an event."""
    return [Periodic("file_retention", EXPIRE_EVERY_S, delete_expired)]
