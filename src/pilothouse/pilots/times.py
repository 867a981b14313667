"""The local times at which a pilot is looked at: morning, afternoon and evening, and once a week."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# Requirements ESC-030…032: 9:00, 14:00 and 17:00 where the tenant lives; the week is reviewed on Monday morning.
TIMES = {"morning": time(9), "afternoon": time(14), "evening": time(17), "week": time(9)}
PARTS = ("morning", "afternoon", "evening")
REVIEW_WEEKDAY = 0


def local_day(at: datetime, zone: str) -> date:
    """The day that it is in a time zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def due_at(part: str, day: date, zone: str) -> datetime:
    """When a part of a local day is due, in UTC. A local time that a clock change skips is the instant after it."""
    return datetime.combine(day, TIMES[part], ZoneInfo(zone)).astimezone(UTC)


def next_due(part: str, after: datetime, zone: str) -> datetime:
    """The first instant after `after` at which a part is due."""
    day = local_day(after, zone)
    while True:
        due = due_at(part, day, zone)
        if due > after and (part != "week" or day.weekday() == REVIEW_WEEKDAY):
            return due
        day += timedelta(days=1)


def span(day: date, zone: str) -> tuple[datetime, datetime]:
    """A local day as [start, end) in UTC."""
    begins = datetime.combine(day, time.min, ZoneInfo(zone))
    ends = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(zone))
    return begins.astimezone(UTC), ends.astimezone(UTC)


def week_of(started: datetime, at: datetime, zone: str) -> int:
    """The number of a pilot's week, from 1, counted in local days from its start."""
    return (local_day(at, zone) - local_day(started, zone)).days // 7 + 1
