"""What the worker process runs for this room."""

from pilothouse.kernel.work.pump import Periodic

from .commands import delete_expired, delete_orphans
from .limits import EXPIRE_EVERY_S, ORPHANS_EVERY_S


def periodic() -> list[Periodic]:
    """Retention: files whose time has come are deleted with an event, and objects that no row names."""
    return [
        Periodic("file_retention", EXPIRE_EVERY_S, delete_expired),
        Periodic("file_orphans", ORPHANS_EVERY_S, delete_orphans),
    ]
