"""Days and months of a time zone as spans of instants: what a person means by "from the 3rd" or "in March"."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SECONDS_PER_DAY = 24 * 3600


def day(value: str | None) -> date | None:
    """The day that is written as `2026-01-24`, or None for anything else."""
    try:
        return date.fromisoformat(value or "")
    except ValueError:
        return None


def day_begins(at: date | None, zone: str, *, days_later: int = 0) -> datetime | None:
    """The instant in UTC at which a day begins in a time zone; None for no day or one out of range."""
    if at is None:
        return None
    try:
        return datetime.combine(at + timedelta(days=days_later), time.min, ZoneInfo(zone)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def first_of_month(at: datetime, zone: str) -> date:
    """The first day of the month that holds an instant in a time zone."""
    return at.astimezone(ZoneInfo(zone)).date().replace(day=1)


def month(first: date, zone: str) -> tuple[datetime, datetime]:
    """A month as [start, end) in UTC, by its first day. Raises ValueError at the ends of the calendar."""
    start, end = day_begins(first, zone), day_begins(next_month(first), zone)
    if start is None or end is None:
        raise ValueError(f"the month of {first} has no whole span")
    return start, end


def next_month(first: date) -> date:
    """The first day of the following month. Raises OverflowError in the calendar's last."""
    return (first + timedelta(days=32)).replace(day=1)


def previous_month(first: date) -> date:
    """The first day of the month before. Raises OverflowError in the calendar's first."""
    return (first - timedelta(days=1)).replace(day=1)
