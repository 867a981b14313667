"""What a person means by a period: months, days and instants in their account's own time zone, as instants in UTC."""

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from pilothouse.kernel.base.days import day_begins, month
from pilothouse.kernel.base.models import Tenant

from .errors import PeriodInvalid

MONTH = re.compile(r"\d{4}-\d{2}")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def time_zone(tenant: int) -> str:
    """The time zone in which an account's days and months begin."""
    return str(Tenant.objects.values_list("timezone", flat=True).get(id=tenant))


def span(text: str, zone: str, name: str) -> tuple[datetime, datetime | None]:
    """When `2026-03`, `2026-03-14` or an ISO 8601 instant begins and, if it is a month or a day, when it ends.

    An instant without an offset is read in the zone. Raises PeriodInvalid, with `name` for what was given.
    """
    try:
        if MONTH.fullmatch(text):
            return month(date.fromisoformat(f"{text}-01"), zone)
        if DAY.fullmatch(text):
            first = date.fromisoformat(text)
            start, end = day_begins(first, zone), day_begins(first, zone, days_later=1)
            if start is None or end is None:
                raise ValueError(text)
            return start, end
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC), None
    except (ValueError, OverflowError):
        raise PeriodInvalid(
            reason=f"{name} is a month (2026-03), a day (2026-03-14) or an ISO 8601 instant, not {text[:40]!r}."
        ) from None


def period(begin: str, end: str, zone: str) -> tuple[datetime, datetime]:
    """[begin, end) as instants in UTC. Without an end the period is the month or the day that `begin` names."""
    start, whole = span(begin, zone, "from")
    finish = span(end, zone, "to")[0] if end else whole
    if finish is None:
        raise PeriodInvalid(reason="Give to as well: from names an instant, not a month or a day.")
    return start, finish
