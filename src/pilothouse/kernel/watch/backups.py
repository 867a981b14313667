"""When a backup was last proven by restoring it: what a runbook's line, the health page and an incident ask."""

from datetime import datetime, timedelta

from django.conf import settings

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Statements

from .checks import OTHERS, Seen
from .commands import open_incident
from .limits import BACKUP_STALE_S
from .promises import record

SQL = Statements(__file__)
CHECK = "backup:verified"


def record_verified(problems: list[str], ms: int) -> None:
    """Remember one verification (worker's scope): no problem means that the copy is whole and its promises hold."""
    record(CHECK, "", Seen(len(problems), [{"what": problem} for problem in problems], {}, ms))


def last_verified() -> datetime | None:
    """When a backup was last verified without a problem, in the open scope of an operator or the worker."""
    row = SQL.one("last_verified", name=CHECK)
    return None if row is None else row["at"]


def is_stale() -> bool:
    """Whether no backup was verified within BACKUP_STALE_S."""
    at = last_verified()
    return at is None or _is_old(at)


def _is_old(at: datetime) -> bool:
    return business_now() - at > timedelta(seconds=BACKUP_STALE_S)


def watch_backups() -> None:
    """Open `backup_stale` (P2) while backups are scheduled and none was verified in time.

    A house that is younger than that has not had the time for one.
    """
    if not settings.BACKUP_FOLDER:
        return
    with worker_scope("check"):
        first, at = SQL.one("first_check"), last_verified()
        since = at or (first["at"] if first else None)
        if since is not None and _is_old(since):
            seen = f"the last was verified at {at:%Y-%m-%d %H:%M} UTC" if at else "none was ever verified"
            open_incident(
                "backup_stale", f"No backup was verified for {BACKUP_STALE_S // 3600} hours: {seen}", check_name=CHECK
            )


OTHERS["backup"] = lambda _name: int(is_stale())
